"""Reads the log of the kernel.

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


SYSLOG = 103
buffer = ctypes.create_string_buffer(4096)
if call(SYSLOG, 3, buffer, 4096) > 0:
    print("ESCAPED", buffer.value)
for path in ["/dev/kmsg", "/proc/kmsg"]:
    try:
        print("ESCAPED", os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 100))
    except OSError as error:
        print(path, error)
