"""Changes its root.

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


os.makedirs("/tmp/r/old", exist_ok=True)
for got in [call(155, b"/tmp/r", b"/tmp/r/old"), call(155, b".", b"."), call(155, b"/project", b"/project")]:
    print(got)
    if got == 0:
        print("ESCAPED")
