import unittest

from ledger import Book, Period, Tier, interest_for
from ledger.interest import yearly_points

TIERS = [Tier(above=0, rate=100), Tier(above=100000, rate=250)]


class Interest(unittest.TestCase):
    def test_one_tier(self):
        self.assertEqual(yearly_points(50000, TIERS), 50000 * 100)

    def test_a_part_in_each_tier(self):
        self.assertEqual(yearly_points(150000, TIERS), 100000 * 100 + 50000 * 250)

    def test_nothing_on_debts(self):
        self.assertEqual(yearly_points(-1, TIERS), 0)

    def test_a_first_tier_is_needed(self):
        with self.assertRaises(ValueError):
            yearly_points(1, [Tier(above=1, rate=100)])

    def test_a_year_on_a_steady_balance(self):
        book = Book()
        book.open("bank")
        book.open("gift")
        book.post("2022-12-31", "gift", "bank", "1000.00")
        self.assertEqual(interest_for(book, "bank", Period("2023-01-01", "2023-12-31"), TIERS), 1000)


if __name__ == "__main__":
    unittest.main()
