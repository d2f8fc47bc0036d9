import unittest

from inventory import NotEnough, UnknownItem

from .shop import ShopTest


class Reserving(ShopTest):
    def test_a_reservation_takes_from_what_is_free(self):
        self.stock.add("tea", 12)
        self.stock.reserve("tea", 5, "ada")
        self.assertEqual(self.stock.levels("tea"), (12, 5))
        self.assertEqual(self.stock.free("tea"), 7)

    def test_down_to_the_last_piece(self):
        self.stock.add("tea", 3)
        self.stock.reserve("tea", 2, "ada")
        self.stock.reserve("tea", 1, "bob")
        self.assertEqual(self.stock.free("tea"), 0)

    def test_nothing_is_promised_twice(self):
        self.stock.add("tea", 3)
        self.stock.reserve("tea", 2, "ada")
        with self.assertRaises(NotEnough) as caught:
            self.stock.reserve("tea", 2, "bob")
        self.assertEqual(caught.exception.free, 1)
        self.assertEqual(self.stock.levels("tea"), (3, 2))

    def test_refusals(self):
        with self.assertRaises(UnknownItem):
            self.stock.reserve("gold", 1, "ada")
        with self.assertRaises(ValueError):
            self.stock.add("tea", 0)
        with self.assertRaises(ValueError):
            self.stock.reserve("tea", -1, "ada")


class Ending(ShopTest):
    def test_selling_takes_from_the_shelf(self):
        self.stock.add("tea", 12)
        number = self.stock.reserve("tea", 5, "ada")
        self.assertEqual(self.stock.sell(number), ("tea", 5))
        self.assertEqual(self.stock.levels("tea"), (7, 0))

    def test_selling_twice_is_refused(self):
        self.stock.add("tea", 12)
        number = self.stock.reserve("tea", 5, "ada")
        self.stock.sell(number)
        with self.assertRaises(KeyError):
            self.stock.sell(number)
        self.assertEqual(self.stock.levels("tea"), (7, 0))

    def test_cancelling_frees_the_pieces(self):
        self.stock.add("tea", 12)
        number = self.stock.reserve("tea", 5, "ada")
        self.assertTrue(self.stock.cancel(number))
        self.assertFalse(self.stock.cancel(number))
        self.assertEqual(self.stock.free("tea"), 12)


if __name__ == "__main__":
    unittest.main()
