"""Clones into new namespaces, by both calls.

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


SIGCHLD = 17
for flags in [0x10000000, 0x20000, 0x40000000, 0x20000000]:
    got = call(56, flags | SIGCHLD, 0, 0, 0, 0)
    if got == 0:
        os._exit(0)
    print(hex(flags), got)
    if got > 0:
        print("ESCAPED")
    arguments = (ctypes.c_uint64 * 11)(flags, 0, 0, 0, SIGCHLD)
    got = call(435, arguments, 88)
    if got == 0:
        os._exit(0)
    print(hex(flags), got)
    if got > 0:
        print("ESCAPED")
