"""Takes a user namespace of its own, to be root in it.

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


for flags in [0x10000000, 0x10020000, 0x40000000, 0x20000]:
    got = call(272, flags)
    print(hex(flags), got)
    if got == 0:
        print("ESCAPED")
