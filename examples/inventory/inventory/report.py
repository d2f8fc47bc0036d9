"""What to show and what to order."""

import collections

Row = collections.namedtuple("Row", "item stock reserved free")

_QUERY = """
SELECT item.name, item.stock, COALESCE(SUM(reservation.quantity), 0), item.reorder_level
FROM item LEFT JOIN reservation ON reservation.item = item.name
GROUP BY item.name
ORDER BY item.name
"""


def report(store):
    """A row for each item, by name."""
    return [
        Row(name, stock, reserved, stock - reserved)
        for name, stock, reserved, _ in store.connection().execute(_QUERY)
    ]


def order_list(store):
    """Items whose free pieces are at or below their reorder level, emptiest first."""
    low = [
        (stock - reserved, name)
        for name, stock, reserved, level in store.connection().execute(_QUERY)
        if stock - reserved <= level
    ]
    return [name for _, name in sorted(low)]


def format_report(rows):
    """The report for people."""
    return "\n".join(
        "{:<20} {:>3} in stock {:>5} reserved {:>5} free".format(*row) for row in rows
    )
