"""Talks to the host of a virtual machine.

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


AF_VSOCK = 40
for port in [2024, 5001, 5002, 1024]:
    fd = call(41, AF_VSOCK, 1, 0)
    print(fd)
    if fd >= 0:
        address = (ctypes.c_uint32 * 4)(AF_VSOCK, port, 2, 0)
        print("ESCAPED", call(42, fd, address, 16))
