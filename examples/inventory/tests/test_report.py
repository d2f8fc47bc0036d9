import unittest

from inventory import order_list, report
from inventory.report import format_report

from .shop import ShopTest


class Reports(ShopTest):
    def setUp(self):
        super().setUp()
        self.stock.add("tea", 12, reorder_level=10)
        self.stock.add("milk", 4, reorder_level=5)
        self.stock.add("rice", 30)
        self.stock.reserve("tea", 2, "ada")

    def test_rows(self):
        self.assertEqual(
            [tuple(row) for row in report(self.store)],
            [("milk", 4, 0, 4), ("rice", 30, 0, 30), ("tea", 12, 2, 10)],
        )

    def test_what_to_order(self):
        self.assertEqual(order_list(self.store), ["milk", "tea"])

    def test_printing(self):
        last = format_report(report(self.store)).splitlines()[-1]
        self.assertEqual(last.split(), "tea 12 in stock 2 reserved 10 free".split())


if __name__ == "__main__":
    unittest.main()
