import unittest

from roman import to_roman

KNOWN = [(1, "I"), (4, "IV"), (9, "IX"), (14, "XIV"), (40, "XL"), (90, "XC"), (400, "CD"), (1994, "MCMXCIV"), (3999, "MMMCMXCIX")]


class Roman(unittest.TestCase):
    def test_to_roman(self):
        for number, text in KNOWN:
            self.assertEqual(to_roman(number), text)


if __name__ == "__main__":
    unittest.main()
