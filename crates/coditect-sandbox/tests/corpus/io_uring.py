"""Uses io_uring, whose work no filter sees.

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
for got in [call(425, 8, buffer), call(426, 0, 1, 0, 0, 0, 0), call(427, 0, 0, 0, 0)]:
    print(got)
    if got >= 0:
        print("ESCAPED")
