"""Makes system calls by the numbers of the x32 interface.

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


X32 = 0x40000000
for number in [272, 521, 165]:
    child = os.fork()
    if child == 0:
        got = call(X32 + number, 0x10000000)
        print("ESCAPED" if got >= 0 else "", got, flush=True)
        os._exit(0)
    print(number, os.waitpid(child, 0)[1])
