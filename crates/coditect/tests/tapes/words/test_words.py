import unittest

from words import number, say

KNOWN = [
    (0, "zero"),
    (14, "fourteen"),
    (20, "twenty"),
    (22, "twenty-two"),
    (100, "one hundred"),
    (123, "one hundred and twenty-three"),
    (1_000, "one thousand"),
    (1_002, "one thousand and two"),
    (1_234, "one thousand two hundred and thirty-four"),
    (1_000_000, "one million"),
    (987_654_321_123, "nine hundred and eighty-seven billion six hundred and fifty-four million three hundred and twenty-one thousand one hundred and twenty-three"),
]


class Words(unittest.TestCase):
    def test_say(self):
        for n, words in KNOWN:
            self.assertEqual(say(n), words)

    def test_number(self):
        for n, words in KNOWN:
            self.assertEqual(number(words), n)

    def test_what_cannot_be_said(self):
        for n in [-1, 10**12]:
            with self.assertRaises(ValueError):
                say(n)


if __name__ == "__main__":
    unittest.main()
