"""Interest on daily balances, by tiers."""

import collections

from .money import divide

DAYS_OF_YEAR = 365

# `rate` is in hundredths of a percent a year, for the part of a balance from `above` cents on.
Tier = collections.namedtuple("Tier", "above rate")


def check_tiers(tiers):
    """Tiers in order, the first one from zero."""
    ordered = sorted(tiers)
    if not ordered or ordered[0].above != 0:
        raise ValueError("the first tier starts at zero")
    return ordered


def yearly_points(balance, tiers):
    """Interest for a whole year on a balance, in ten-thousandths of a cent."""
    if balance <= 0:
        return 0
    ordered = check_tiers(tiers)
    points = 0
    for i, tier in enumerate(ordered):
        upper = ordered[i + 1].above if i + 1 < len(ordered) else balance
        part = min(balance, upper) - tier.above
        if part > 0:
            points += part * tier.rate
    return points


def interest_for(book, account, period, tiers):
    """Interest in cents on an account's balances at the end of each day of a period."""
    points = sum(yearly_points(book.balance(account, day), tiers) for day in period)
    return divide(points, DAYS_OF_YEAR * 10000)
