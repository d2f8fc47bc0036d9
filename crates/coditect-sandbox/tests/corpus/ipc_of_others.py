"""Looks at shared memory, queues and semaphores of the machine.

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


for name in ["/proc/sysvipc/shm", "/proc/sysvipc/msg", "/proc/sysvipc/sem"]:
    try:
        lines = open(name).read().splitlines()
        print(lines)
        if len(lines) > 1:
            print("ESCAPED", name)
    except OSError as error:
        print(error)
for number in range(4):
    if call(31, number, 13, ctypes.create_string_buffer(256)) >= 0:
        print("ESCAPED", number)
