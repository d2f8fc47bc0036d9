"""Enters the namespaces of other processes.

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


for pid in [1, P["host_pid"]]:
    for name in ["user", "mnt", "net", "pid", "ipc", "uts"]:
        try:
            got = call(308, os.open("/proc/%d/ns/%s" % (pid, name), os.O_RDONLY), 0)
            print(pid, name, got)
            if got == 0:
                print("ESCAPED")
        except OSError as error:
            print(error)
    print(call(308, call(434, pid, 0), 0x10020000))
