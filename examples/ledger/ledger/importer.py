"""Entries from a bank's CSV file."""

import csv
import io

from .money import parse_cents
from .periods import as_date

COLUMNS = ("date", "amount", "text")


class BadRow(ValueError):
    """A row that cannot be read; says which."""


def read_rows(text):
    """Date, cents and text of each row of a CSV text with a heading; columns may be in any order."""
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise BadRow("the heading has no column {}".format(", ".join(missing)))
    rows = []
    for number, row in enumerate(reader, start=2):
        try:
            rows.append((as_date(row["date"].strip()), parse_cents(row["amount"]), row["text"].strip()))
        except (ValueError, TypeError, AttributeError) as error:
            raise BadRow("line {}: {}".format(number, error))
    return rows


def import_csv(book, text, account, income, expenses):
    """Posts every row between `account` and `income` or `expenses`; gives how many were posted."""
    posted = 0
    for day, cents, note in read_rows(text):
        if cents > 0:
            book.post(day, income, account, cents, note)
            posted += 1
        elif cents < 0:
            book.post(day, account, expenses, -cents, note)
            posted += 1
    return posted
