import os
import subprocess
import sys
import unittest

from .shop import ShopTest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class CommandLine(ShopTest):
    def run_command(self, *args):
        result = subprocess.run(
            [sys.executable, "-m", "inventory", self.path] + list(args),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=60,
        )
        return result.returncode, result.stdout, result.stderr

    def test_a_day_in_the_shop(self):
        self.assertEqual(self.run_command("add", "tea", "12"), (0, "", ""))
        self.assertEqual(self.run_command("reserve", "tea", "5", "--for", "ada"), (0, "1\n", ""))
        self.assertEqual(self.run_command("sell", "1"), (0, "5 tea\n", ""))
        code, out, _ = self.run_command("report")
        self.assertEqual((code, out.split()[:2]), (0, ["tea", "7"]))

    def test_the_whole_shelf_for_one_customer(self):
        self.run_command("add", "tea", "2")
        self.assertEqual(self.run_command("reserve", "tea", "2", "--for", "ada"), (0, "1\n", ""))

    def test_a_refusal_is_told(self):
        self.run_command("add", "tea", "2")
        code, out, err = self.run_command("reserve", "tea", "3", "--for", "ada")
        self.assertEqual((code, out), (1, ""))
        self.assertEqual(err, "inventory: 3 tea asked for, 2 free\n")


if __name__ == "__main__":
    unittest.main()
