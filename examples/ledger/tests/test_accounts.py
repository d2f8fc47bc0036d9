import unittest

from ledger import Book, UnknownAccount


class Posting(unittest.TestCase):
    def setUp(self):
        self.book = Book()
        for name in ("cash", "dues", "rent"):
            self.book.open(name)

    def test_both_sides_stay_equal(self):
        self.book.post("2024-01-05", "dues", "cash", "120.00")
        self.book.post("2024-01-09", "cash", "rent", "45.50")
        self.assertEqual(self.book.balance("cash"), 7450)
        self.assertEqual(sum(self.book.balance(name) for name in self.book.accounts()), 0)

    def test_balance_at_the_end_of_a_day(self):
        self.book.post("2024-01-05", "dues", "cash", "10.00")
        self.book.post("2024-01-06", "dues", "cash", "20.00")
        self.assertEqual(self.book.balance("cash", "2024-01-04"), 0)
        self.assertEqual(self.book.balance("cash", "2024-01-05"), 1000)
        self.assertEqual(self.book.balance("cash", "2024-01-06"), 3000)

    def test_entries_are_ordered_by_day(self):
        self.book.post("2024-02-01", "dues", "cash", "1.00", "second")
        self.book.post("2024-01-01", "dues", "cash", "1.00", "first")
        self.assertEqual([e.text for e in self.book.entries("cash")], ["first", "second"])

    def test_refusals(self):
        with self.assertRaises(UnknownAccount):
            self.book.post("2024-01-05", "dues", "safe", "1.00")
        with self.assertRaises(ValueError):
            self.book.post("2024-01-05", "dues", "cash", "0.00")
        with self.assertRaises(ValueError):
            self.book.open("cash")

    def test_overdraft(self):
        self.book.open("card", overdraft=5000)
        self.book.post("2024-01-05", "card", "rent", "50.00")
        with self.assertRaises(ValueError):
            self.book.post("2024-01-06", "card", "rent", "0.01")


if __name__ == "__main__":
    unittest.main()
