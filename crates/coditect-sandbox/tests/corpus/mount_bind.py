"""Mounts directories and file systems.

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


os.makedirs("/tmp/m", exist_ok=True)
MS_BIND = 4096
for source, kind, flags in [(b"/", None, MS_BIND), (b"none", b"tmpfs", 0), (b"proc", b"proc", 0), (b"/dev/vda", b"ext4", 0),
                            (b"none", b"sysfs", 0), (b"none", b"debugfs", 0), (b"none", b"devtmpfs", 0)]:
    got = call(165, source, b"/tmp/m", kind or 0, flags, 0)
    print(source, kind, got)
    if got == 0:
        print("ESCAPED")
