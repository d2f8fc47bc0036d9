import unittest
from unittest import mock

from calc import add


class Add(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.value = mock.Mock(return_value=1)

    def setUp(self):
        self.one = self.value()

    def test_right(self):
        self.assertEqual(add(self.one, 1), 2)

    def test_wrong(self):
        self.assertEqual(add(1, 1), 3)

    def test_values(self):
        for value in (1, 2):
            with self.subTest(value=value):
                self.assertIn(value, [1])
        with self.assertRaises(TypeError):
            add(1, None)

    @unittest.skip("rehearsed")
    def test_skipped(self):
        pass
