"""Sets the clock and the name of the machine.

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
for got in [call(164, buffer, 0), call(227, 0, buffer), call(170, b"x", 1), call(171, b"x", 1), call(305, 0, buffer)]:
    print(got)
    if got >= 0:
        print("ESCAPED")
