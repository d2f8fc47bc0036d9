"""A shop in a directory of its own, for the tests."""

import os
import shutil
import tempfile
import unittest

from inventory import Stock, Store


class ShopTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="inventory-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, "shop.db")
        self.store = Store(self.path)
        self.addCleanup(self.store.close)
        self.stock = Stock(self.store)
