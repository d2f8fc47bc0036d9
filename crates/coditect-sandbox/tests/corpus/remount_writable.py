"""Makes read-only mounts writable, and takes masks away.

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


MS_REMOUNT, MS_BIND = 32, 4096
for path in [b"/", b"/usr", b"/proc", b"/project"]:
    if call(165, b"none", path, 0, MS_REMOUNT | MS_BIND, 0) == 0:
        print("ESCAPED", path)
for path in [b"/proc/kcore", b"/proc", b"/project", b"/tmp", b"/"]:
    got = call(166, path, 2)
    print(path, got)
    if got == 0:
        print("ESCAPED", path)
