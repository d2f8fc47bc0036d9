"""Recurses without end.

Escape: the host is taken down.
Tiers: both
Ends: any
"""

import sys

sys.setrecursionlimit(10 ** 9)


def deeper(n):
    return deeper(n + 1) + 1


try:
    deeper(0)
except (RecursionError, MemoryError) as error:
    print(repr(error)[:100])
