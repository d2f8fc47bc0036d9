"""Amounts in whole cents. See docs/rounding.md."""

import re

_AMOUNT = re.compile(r"^(?P<sign>[+-]?)(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<cents>\d{1,2}))?$")


def parse_cents(text):
    """Cents in a text such as `1,234.5`; raises ValueError for anything that is not an amount."""
    match = _AMOUNT.match(text.strip())
    if match is None:
        raise ValueError("not an amount: {!r}".format(text))
    whole = int(match.group("whole").replace(",", ""))
    cents = (match.group("cents") or "").ljust(2, "0")
    value = whole * 100 + int(cents)
    return -value if match.group("sign") == "-" else value


def format_cents(cents):
    """An amount for people: `-1,234.50`."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return "{}{:,}.{:02d}".format(sign, whole, rest)


def divide(numerator, denominator):
    """`numerator / denominator` as a whole number, half to even."""
    if denominator == 0:
        raise ZeroDivisionError("an amount cannot be divided by nothing")
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        quotient += 1
    return quotient


def allocate(cents, weights):
    """Shares of an amount by weight that add up to exactly that amount."""
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, and one must be positive")
    shares = [cents * weight // total for weight in weights]
    remainders = [cents * weight % total for weight in weights]
    left = cents - sum(shares)
    order = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in order[:left]:
        shares[i] += 1
    return shares
