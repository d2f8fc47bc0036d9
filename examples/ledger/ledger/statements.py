"""What happened on an account within a period."""

import collections
import datetime

from .accounts import signed
from .money import format_cents

Line = collections.namedtuple("Line", "day text cents balance")


class Statement:
    """An account's lines within a period, with the balances around them."""

    def __init__(self, account, period, opening, lines):
        self.account = account
        self.period = period
        self.opening = opening
        self.lines = lines

    @property
    def closing(self):
        """The balance after the last line."""
        return self.lines[-1].balance if self.lines else self.opening

    @property
    def paid_in(self):
        """All that came in."""
        return sum(line.cents for line in self.lines if line.cents > 0)

    @property
    def paid_out(self):
        """All that went out, as a positive amount."""
        return -sum(line.cents for line in self.lines if line.cents < 0)

    def __str__(self):
        rows = ["{} {} to {}".format(self.account, self.period.first, self.period.last)]
        rows.append("  opening {:>39}".format(format_cents(self.opening)))
        for line in self.lines:
            rows.append(
                "  {} {:<20.20} {:>10} {:>12}".format(
                    line.day, line.text, format_cents(line.cents), format_cents(line.balance)
                )
            )
        rows.append("  closing {:>39}".format(format_cents(self.closing)))
        return "\n".join(rows)


def statement(book, account, period):
    """The statement of an account for a period."""
    opening = book.balance(account, period.first - datetime.timedelta(days=1))
    balance = opening
    lines = []
    for entry in book.entries(account):
        if entry.day in period:
            cents = signed(entry, account)
            balance += cents
            lines.append(Line(entry.day, entry.text, cents, balance))
    return Statement(account, period, opening, lines)
