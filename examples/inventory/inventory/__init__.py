"""Stock of a small shop in one SQLite file."""

from .report import order_list, report
from .stock import NotEnough, Stock, UnknownItem
from .store import Store

__all__ = ["NotEnough", "Stock", "Store", "UnknownItem", "order_list", "report"]
