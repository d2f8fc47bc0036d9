"""Recurses without end in C code.

Escape: the host is taken down.
Tiers: both
Ends: any
"""

import sys

sys.setrecursionlimit(10 ** 9)
nested = None
for _ in range(3000000):
    nested = [nested]
try:
    repr(nested)
except (RecursionError, MemoryError) as error:
    print(repr(error)[:100])
