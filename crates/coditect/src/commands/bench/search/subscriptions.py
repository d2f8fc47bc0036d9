"""Bills of subscriptions: plans, usage, discounts, tax and statements."""

import re
from collections import OrderedDict

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
AMOUNT = re.compile(r"^\s*([A-Z]{3})?\s*(-)?([0-9][0-9']*)(?:\.([0-9]{1,2}))?\s*$")


class BillingError(ValueError):
    """What a customer entered makes no sense."""


def is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(year, month):
    if not 1 <= month <= 12:
        raise BillingError("no month %d" % month)
    if month == 2 and is_leap(year):
        return 29
    return DAYS[month - 1]


def add_months(date, count):
    """The same day some months later, or the last day of that month."""
    year, month, day = date
    index = year * 12 + month - 1 + count
    year, month = index // 12, index % 12 + 1
    return year, month, min(day, days_in(year, month))


def days_between(first, second):
    """Days from the first date to the second."""

    def number(date):
        year, month, day = date
        total = 365 * (year - 1) + (year - 1) // 4 - (year - 1) // 100 + (year - 1) // 400
        for earlier in range(1, month):
            total += days_in(year, earlier)
        return total + day

    return number(second) - number(first)


def parse_amount(text):
    """Cents of an amount such as `CHF 1'200.50`."""
    found = AMOUNT.match(text)
    if found is None:
        raise BillingError("no amount: %r" % text)
    _, minus, whole, cents = found.groups()
    value = int(whole.replace("'", "")) * 100
    if cents:
        value += int(cents.ljust(2, "0"))
    return -value if minus else value


def show_amount(cents, currency="CHF"):
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    groups = []
    digits = str(whole)
    while len(digits) > 3:
        groups.insert(0, digits[-3:])
        digits = digits[:-3]
    groups.insert(0, digits)
    return "%s %s%s.%02d" % (currency, sign, "'".join(groups), rest)


def round_half_even(numerator, denominator):
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1):
        quotient += 1
    return quotient


class Plan:
    def __init__(self, name, price, included=0, per_unit=0, tiers=()):
        if price < 0 or per_unit < 0:
            raise BillingError("a price is not negative")
        self.name = name
        self.price = price
        self.included = included
        self.per_unit = per_unit
        self.tiers = sorted(tiers)

    def usage_fee(self, units):
        """The fee for units beyond those that are included, cheaper in higher tiers."""
        left = max(0, units - self.included)
        fee = 0
        price = self.per_unit
        start = 0
        for above, cheaper in self.tiers:
            part = min(left, above - start)
            fee += part * price
            left -= part
            start = above
            price = cheaper
        return fee + left * price


class Coupon:
    def __init__(self, code, percent=0, amount=0, least=0):
        if percent and amount:
            raise BillingError("a coupon takes a share or an amount")
        self.code = code
        self.percent = percent
        self.amount = amount
        self.least = least

    def discount(self, subtotal):
        if subtotal < self.least:
            return 0
        if self.percent:
            return round_half_even(subtotal * self.percent, 100)
        return min(self.amount, subtotal)


class Account:
    def __init__(self, owner, plan, since):
        self.owner = owner
        self.plan = plan
        self.since = since
        self.usage = OrderedDict()
        self.payments = []
        self.coupons = []

    def record(self, year, month, units):
        if units < 0:
            raise BillingError("usage is not negative")
        key = (year, month)
        self.usage[key] = self.usage.get(key, 0) + units

    def pay(self, date, cents):
        if cents <= 0:
            raise BillingError("a payment is positive")
        self.payments.append((date, cents))
        self.payments.sort()

    def redeem(self, coupon):
        if any(known.code == coupon.code for known in self.coupons):
            raise BillingError("the coupon %s was redeemed before" % coupon.code)
        self.coupons.append(coupon)

    def paid_until(self, date):
        return sum(cents for when, cents in self.payments if when <= date)


class Invoice:
    def __init__(self, account, year, month, tax=77):
        self.account = account
        self.period = (year, month)
        self.tax_rate = tax

    def share(self):
        """The part of the month in which the account existed, as days and days of the month."""
        year, month = self.period
        days = days_in(year, month)
        since = self.account.since
        if since[:2] == self.period:
            return days - since[2] + 1, days
        if since[:2] > self.period:
            return 0, days
        return days, days

    def lines(self):
        plan = self.account.plan
        used, days = self.share()
        lines = [("%s, %d of %d days" % (plan.name, used, days), round_half_even(plan.price * used, days))]
        units = self.account.usage.get(self.period, 0)
        fee = plan.usage_fee(units)
        if fee:
            lines.append(("%d units, %d included" % (units, plan.included), fee))
        subtotal = sum(amount for _, amount in lines)
        for coupon in self.account.coupons:
            off = coupon.discount(subtotal)
            if off:
                lines.append(("coupon %s" % coupon.code, -off))
                subtotal -= off
        return lines

    def subtotal(self):
        return sum(amount for _, amount in self.lines())

    def tax(self):
        return round_half_even(self.subtotal() * self.tax_rate, 1000)

    def total(self):
        return self.subtotal() + self.tax()

    def due(self):
        """Ten days into the next month."""
        year, month = self.period
        year, month, _ = add_months((year, month, 1), 1)
        return year, month, 10

    def title(self):
        year, month = self.period
        return "Invoice %s %d, %s" % (MONTHS[month - 1], year, self.account.owner)


def balances(account, months):
    """What is owed after each of some months, and after each payment until it was due."""
    owed = 0
    rows = []
    for year, month in months:
        invoice = Invoice(account, year, month)
        owed += invoice.total()
        rows.append(((year, month), owed - account.paid_until(invoice.due())))
    return rows


def late_fee(cents, due, paid, per_day=5, most=1000):
    """Hundredths of a percent a day, after five days of grace."""
    late = days_between(due, paid) - 5
    if late <= 0 or cents <= 0:
        return 0
    return min(most, round_half_even(cents * per_day * late, 10000))


def statement(account, months, width=44):
    """A statement of some months, a line for each entry."""
    lines = [account.owner.center(width).rstrip()]
    total = 0
    for year, month in months:
        invoice = Invoice(account, year, month)
        for text, amount in invoice.lines():
            lines.append(text.ljust(width - 14) + show_amount(amount).rjust(14))
        lines.append("tax".ljust(width - 14) + show_amount(invoice.tax()).rjust(14))
        total += invoice.total()
    lines.append("=" * width)
    lines.append("total".ljust(width - 14) + show_amount(total).rjust(14))
    return "\n".join(lines)


def split_evenly(cents, people):
    """Shares that differ by a cent at most and add up."""
    if people < 1:
        raise BillingError("nobody to share with")
    share, rest = divmod(cents, people)
    return [share + (1 if n < rest else 0) for n in range(people)]


def parse_usage(text):
    """Usage by account, from lines such as `ada 2024-02 150`; `#` begins a remark."""
    usage = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        parts = line.split()
        if len(parts) != 3 or not re.match(r"^\d{4}-\d{2}$", parts[1]):
            raise BillingError("line %d: %r" % (number, line))
        year, month = (int(part) for part in parts[1].split("-"))
        if month > 12 or not parts[2].isdigit():
            raise BillingError("line %d: %r" % (number, line))
        months = usage.setdefault(parts[0], {})
        months[(year, month)] = months.get((year, month), 0) + int(parts[2])
    return usage


def top_users(usage, count=3):
    totals = {name: sum(months.values()) for name, months in usage.items()}
    return sorted(totals, key=lambda name: (-totals[name], name))[:count]
