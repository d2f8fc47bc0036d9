"""Traces other processes.

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


for pid in [1, os.getppid(), P["host_pid"], P["victim_pid"]]:
    for request in [16, 0x4206]:
        got = call(101, request, pid, 0, 0)
        print(pid, got)
        if got == 0:
            print("ESCAPED")
print("traceme", call(101, 0, 0, 0, 0))
