"""Makes socket pairs of other families.

Escape: the line ESCAPED.
Tiers: os
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)


def call(*arguments):
    """The result of a system call, or minus its errno."""
    result = LIBC.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return -ctypes.get_errno() if result == -1 else result


ends = (ctypes.c_int * 2)()
for family in [2, 10, 16, 17, 40]:
    got = call(53, family, 1, 0, ends)
    print(family, got)
    if got == 0:
        print("ESCAPED", family)
