"""Spans of days with a first and a last day."""

import calendar
import datetime


def as_date(value):
    """A date from a date or from a text such as `2024-02-29`."""
    if isinstance(value, datetime.date):
        return value
    return datetime.date(*(int(part) for part in value.split("-")))


class Period:
    """The days from `first` to `last`."""

    def __init__(self, first, last):
        self.first = as_date(first)
        self.last = as_date(last)
        if self.last < self.first:
            raise ValueError("a period cannot end before it begins")

    @classmethod
    def month(cls, year, month):
        """A calendar month."""
        days = calendar.monthrange(year, month)[1]
        return cls(datetime.date(year, month, 1), datetime.date(year, month, days))

    @classmethod
    def quarter(cls, year, quarter):
        """A quarter of a calendar year, 1 to 4."""
        if quarter not in (1, 2, 3, 4):
            raise ValueError("a year has quarters 1 to 4")
        last_month = 3 * quarter
        return cls(cls.month(year, last_month - 2).first, cls.month(year, last_month).last)

    @property
    def days(self):
        """How many days it has."""
        return (self.last - self.first).days + 1

    def __contains__(self, day):
        return self.first <= as_date(day) < self.last

    def __iter__(self):
        for offset in range(self.days):
            yield self.first + datetime.timedelta(days=offset)

    def __eq__(self, other):
        return isinstance(other, Period) and (self.first, self.last) == (other.first, other.last)

    def __repr__(self):
        return "Period({}, {})".format(self.first, self.last)
