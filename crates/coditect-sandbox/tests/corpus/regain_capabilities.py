"""Gives itself capabilities.

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


header = (ctypes.c_uint32 * 2)(0x20080522, 0)
everything = (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)
got = call(126, header, everything)
print(got)
status = open("/proc/self/status").read()
print(status)
for line in status.splitlines():
    if line.startswith(("CapEff", "CapPrm", "CapBnd", "CapAmb")) and int(line.split()[1], 16) and "CapBnd" not in line:
        print("ESCAPED", line)
if got == 0 or "NoNewPrivs:\t1" not in status or "Seccomp:\t2" not in status:
    print("ESCAPED")
