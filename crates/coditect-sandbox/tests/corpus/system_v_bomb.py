"""Takes memory that outlives processes and is charged to none.

Escape: more memory is taken than allowed.
Tiers: os
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)


def call(*arguments):
    """The result of a system call, or minus its errno."""
    result = LIBC.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return -ctypes.get_errno() if result == -1 else result


taken = 0
for number in range(64):
    got = call(29, 0, 8 << 20, 0o1600)
    if got < 0:
        print(got)
        break
    LIBC.shmat.restype = ctypes.c_void_p
    at = LIBC.shmat(got, None, 0)
    ctypes.memset(at, 1, 8 << 20)
    LIBC.shmdt(ctypes.c_void_p(at))
    taken += 8
if taken > 400:
    print("ESCAPED", taken)
