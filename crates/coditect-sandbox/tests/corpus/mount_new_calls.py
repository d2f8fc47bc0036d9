"""Mounts by the newer system calls.

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


for got in [call(428, -100, b"/", 1), call(430, b"tmpfs", 0), call(433, -100, b"/", 0), call(442, -100, b"/project", 0, 0, 0)]:
    print(got)
    if got >= 0:
        print("ESCAPED")
