"""Makes itself the parent of orphans, and leaves them.

Escape: they live after the run.
Tiers: os
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)


def call(*arguments):
    """The result of a system call, or minus its errno."""
    result = LIBC.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return -ctypes.get_errno() if result == -1 else result


PR_SET_CHILD_SUBREAPER = 36
call(157, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
if os.fork() == 0:
    os.setsid()
    call(157, 1, 0, 0, 0, 0)
    os.execvp("sleep", ["sleep", "302"])
