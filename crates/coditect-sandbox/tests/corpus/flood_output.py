"""Prints two gigabytes.

Escape: the host keeps more than the limit.
Tiers: both
Ends: any
"""

import sys

block = "x" * (1 << 20)
for _ in range(2048):
    sys.stdout.write(block)
