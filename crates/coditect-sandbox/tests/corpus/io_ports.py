"""Talks to the hardware.

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
for got in [call(173, 0, 1, 1), call(172, 3), call(154, 1, buffer, 16)]:
    print(got)
    if got >= 0:
        print("ESCAPED")
