"""Reads and makes keys of the kernel.

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


buffer = ctypes.create_string_buffer(256)
for got in [call(250, 0, -3, 1), call(250, 1, 0), call(248, b"user", b"x", b"y", 1, -3), call(249, b"user", b"x", 0, -3), call(250, 11, -4, buffer, 256)]:
    print(got)
    if got >= 0:
        print("ESCAPED")
