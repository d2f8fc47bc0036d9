import unittest

from ledger import Book
from ledger.importer import BadRow, import_csv, read_rows

FILE = """text,date,amount
"Dues, Ada",2024-01-03,60.00
Hall,2024-01-15,-80.00
Memo,2024-01-16,0.00
"""


class Importing(unittest.TestCase):
    def test_rows(self):
        rows = read_rows(FILE)
        self.assertEqual([(str(day), cents, text) for day, cents, text in rows], [
            ("2024-01-03", 6000, "Dues, Ada"),
            ("2024-01-15", -8000, "Hall"),
            ("2024-01-16", 0, "Memo"),
        ])

    def test_posting(self):
        book = Book()
        for name in ("bank", "dues", "costs"):
            book.open(name)
        self.assertEqual(import_csv(book, FILE, "bank", "dues", "costs"), 2)
        self.assertEqual(book.balance("bank"), -2000)
        self.assertEqual(book.balance("costs"), 8000)

    def test_bad_rows_are_named(self):
        with self.assertRaisesRegex(BadRow, "line 3"):
            read_rows("date,amount,text\n2024-01-03,1.00,ok\n2024-01-04,much,bad\n")
        with self.assertRaisesRegex(BadRow, "amount"):
            read_rows("date,text\n2024-01-03,ok\n")


if __name__ == "__main__":
    unittest.main()
