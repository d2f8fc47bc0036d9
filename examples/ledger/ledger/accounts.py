"""Accounts and the book that keeps both sides equal."""

import collections

from .money import parse_cents
from .periods import as_date

Entry = collections.namedtuple("Entry", "number day debit credit cents text")


class UnknownAccount(KeyError):
    """An account that was never opened."""

    def __str__(self):
        return "no account is named {!r}; open it first".format(self.args[0])


class Book:
    """Entries in the order of their days."""

    def __init__(self):
        self._accounts = {}
        self._entries = []

    def open(self, name, overdraft=None):
        """Opens an account; `overdraft` limits how far below zero it may go, in cents."""
        if name in self._accounts:
            raise ValueError("account {!r} is open already".format(name))
        self._accounts[name] = overdraft

    def accounts(self):
        """The names of all accounts."""
        return sorted(self._accounts)

    def post(self, day, credit, debit, amount, text=""):
        """Moves an amount from `credit` to `debit` and gives the entry."""
        for name in (credit, debit):
            if name not in self._accounts:
                raise UnknownAccount(name)
        cents = parse_cents(amount) if isinstance(amount, str) else amount
        if cents <= 0:
            raise ValueError("an entry moves a positive amount; swap the accounts instead")
        self._check_overdraft(credit, cents)
        entry = Entry(len(self._entries) + 1, as_date(day), debit, credit, cents, text)
        self._entries.append(entry)
        return entry

    def entries(self, account=None):
        """Entries by day, then by number; of one account, or of all."""
        found = [e for e in self._entries if account is None or account in (e.debit, e.credit)]
        return sorted(found, key=lambda e: (e.day, e.number))

    def balance(self, account, day=None):
        """The balance at the end of `day`, or after everything that is posted."""
        if account not in self._accounts:
            raise UnknownAccount(account)
        limit = None if day is None else as_date(day)
        return sum(
            signed(entry, account)
            for entry in self._entries
            if account in (entry.debit, entry.credit) and (limit is None or entry.day <= limit)
        )

    def _check_overdraft(self, account, cents):
        overdraft = self._accounts[account]
        if overdraft is not None and self.balance(account) - cents < -overdraft:
            raise ValueError("account {!r} would be overdrawn".format(account))


def signed(entry, account):
    """What an entry adds to an account."""
    cents = 0
    if entry.debit == account:
        cents += entry.cents
    if entry.credit == account:
        cents -= entry.cents
    return cents
