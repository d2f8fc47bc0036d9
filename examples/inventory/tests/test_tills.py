import threading
import unittest

from inventory import NotEnough

from .shop import ShopTest


class Tills(ShopTest):
    def race(self, tills, attempts):
        """How many of `attempts` single reservations by each till go through."""
        start = threading.Barrier(tills)
        done = [0] * tills

        def till(index):
            start.wait()
            for _ in range(attempts):
                try:
                    self.stock.reserve("tea", 1, "till %d" % index)
                    done[index] += 1
                except NotEnough:
                    pass

        threads = [threading.Thread(target=till, args=(index,)) for index in range(tills)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(done)

    def test_four_tills_sell_out_and_no_more(self):
        self.stock.add("tea", 10)
        self.assertEqual(self.race(tills=4, attempts=4), 10)
        self.assertEqual(self.stock.levels("tea"), (10, 10))

    def test_with_enough_for_all_everyone_is_served(self):
        self.stock.add("tea", 100)
        self.assertEqual(self.race(tills=4, attempts=4), 16)
        self.assertEqual(self.stock.free("tea"), 84)


if __name__ == "__main__":
    unittest.main()
