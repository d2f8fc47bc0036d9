"""Double-entry book-keeping in whole cents."""

from .accounts import Book, Entry, UnknownAccount
from .interest import Tier, interest_for
from .money import allocate, divide, format_cents, parse_cents
from .periods import Period
from .statements import Statement, statement

__all__ = [
    "Book",
    "Entry",
    "Period",
    "Statement",
    "Tier",
    "UnknownAccount",
    "allocate",
    "divide",
    "format_cents",
    "interest_for",
    "parse_cents",
    "statement",
]
