"""Takes descriptors out of another process.

Escape: the line ESCAPED.
Tiers: os
"""

import ctypes
import json
import os

P = json.load(open("/project/planted.json"))
LIBC = ctypes.CDLL(None, use_errno=True)


def call(*arguments):
    """The result of a system call, or minus its errno."""
    result = LIBC.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return -ctypes.get_errno() if result == -1 else result


for pid in [1, P["host_pid"], P["victim_pid"]]:
    pidfd = call(434, pid, 0)
    for fd in range(8):
        got = call(438, pidfd, fd, 0)
        print(pid, pidfd, got)
        if got >= 0:
            print("ESCAPED")
