import unittest

from ledger import Book, Period, statement


def club():
    book = Book()
    for name in ("cash", "dues", "rent"):
        book.open(name)
    book.post("2023-12-28", "dues", "cash", "100.00", "late dues")
    book.post("2024-01-03", "dues", "cash", "120.00", "January dues")
    book.post("2024-01-15", "cash", "rent", "80.00", "hall")
    book.post("2024-01-31", "dues", "cash", "15.00", "guest")
    book.post("2024-02-02", "cash", "rent", "80.00", "hall")
    return book


class Statements(unittest.TestCase):
    def test_opening_is_what_was_there_before(self):
        self.assertEqual(statement(club(), "cash", Period.month(2024, 1)).opening, 10000)

    def test_lines_of_a_month(self):
        lines = statement(club(), "cash", Period.month(2024, 1)).lines
        self.assertEqual([line.text for line in lines], ["January dues", "hall", "guest"])
        self.assertEqual([line.balance for line in lines], [22000, 14000, 15500])

    def test_closing_is_the_next_opening(self):
        january = statement(club(), "cash", Period.month(2024, 1))
        february = statement(club(), "cash", Period.month(2024, 2))
        self.assertEqual(january.closing, february.opening)

    def test_sums(self):
        february = statement(club(), "cash", Period.month(2024, 2))
        self.assertEqual((february.paid_in, february.paid_out), (0, 8000))

    def test_an_empty_month(self):
        march = statement(club(), "cash", Period.month(2024, 3))
        self.assertEqual(march.lines, [])
        self.assertEqual(march.closing, march.opening)

    def test_printing(self):
        text = str(statement(club(), "cash", Period.month(2024, 2)))
        self.assertEqual(text.splitlines()[0], "cash 2024-02-01 to 2024-02-29")
        self.assertIn("-80.00", text)


if __name__ == "__main__":
    unittest.main()
