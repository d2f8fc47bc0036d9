import datetime
import unittest

from ledger import Period


class Periods(unittest.TestCase):
    def test_months_know_their_length(self):
        self.assertEqual(Period.month(2024, 2).days, 29)
        self.assertEqual(Period.month(2023, 2).days, 28)
        self.assertEqual(Period.month(2024, 12).last, datetime.date(2024, 12, 31))

    def test_quarters(self):
        self.assertEqual(Period.quarter(2024, 1), Period("2024-01-01", "2024-03-31"))
        self.assertEqual(Period.quarter(2024, 4), Period("2024-10-01", "2024-12-31"))
        with self.assertRaises(ValueError):
            Period.quarter(2024, 5)

    def test_days_outside(self):
        january = Period.month(2024, 1)
        self.assertNotIn("2023-12-31", january)
        self.assertNotIn("2024-02-01", january)

    def test_first_and_last_day_belong_to_it(self):
        january = Period.month(2024, 1)
        self.assertIn("2024-01-01", january)
        self.assertIn("2024-01-15", january)
        self.assertIn("2024-01-31", january)

    def test_iteration_covers_every_day(self):
        days = list(Period("2024-02-27", "2024-03-01"))
        self.assertEqual([day.day for day in days], [27, 28, 29, 1])

    def test_backwards_is_refused(self):
        with self.assertRaises(ValueError):
            Period("2024-02-01", "2024-01-31")


if __name__ == "__main__":
    unittest.main()
