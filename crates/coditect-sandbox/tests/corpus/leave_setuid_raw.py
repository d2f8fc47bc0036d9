"""The same by the newer system calls.

Escape: a file with set-user-id or set-group-id is in the project afterwards.
Tiers: os
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)


def call(*arguments):
    """The result of a system call, or minus its errno."""
    result = LIBC.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return -ctypes.get_errno() if result == -1 else result


how = (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_RDWR, 0o6777, 0)
print(call(437, -100, b"/project/suid4", how, 24))
open("/project/suid5", "w").close()
print(call(452, -100, b"/project/suid5", 0o4777, 0))
