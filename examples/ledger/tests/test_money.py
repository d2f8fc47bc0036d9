import unittest

from ledger.money import allocate, divide, format_cents, parse_cents


class ParseAndPrint(unittest.TestCase):
    def test_plain_amounts(self):
        self.assertEqual(parse_cents("12.34"), 1234)
        self.assertEqual(parse_cents("12.3"), 1230)
        self.assertEqual(parse_cents(" 12 "), 1200)

    def test_thousands_and_signs(self):
        self.assertEqual(parse_cents("-1,234,567.89"), -123456789)
        self.assertEqual(parse_cents("+5"), 500)

    def test_what_is_no_amount(self):
        for text in ("", "12.345", "1,23.00", "twelve", "--1"):
            with self.subTest(text=text), self.assertRaises(ValueError):
                parse_cents(text)

    def test_printing(self):
        self.assertEqual(format_cents(-123450), "-1,234.50")
        self.assertEqual(format_cents(7), "0.07")


class Rounding(unittest.TestCase):
    def test_half_goes_to_even(self):
        self.assertEqual([divide(n, 2) for n in (1, 3, 5, 7)], [0, 2, 2, 4])

    def test_other_parts_go_to_the_nearest(self):
        self.assertEqual([divide(n, 4) for n in (1, 3, 5, 7)], [0, 1, 1, 2])
        self.assertEqual(divide(-7, 4), -2)
        self.assertEqual(divide(7, -4), -2)

    def test_shares_add_up(self):
        self.assertEqual(allocate(100, [1, 1, 1]), [34, 33, 33])
        self.assertEqual(allocate(5, [3, 7]), [2, 3])
        self.assertEqual(sum(allocate(12345, [7, 11, 13, 17])), 12345)

    def test_weights_are_checked(self):
        with self.assertRaises(ValueError):
            allocate(100, [0, 0])
        with self.assertRaises(ValueError):
            allocate(100, [2, -1])


if __name__ == "__main__":
    unittest.main()
