"""Overwrites the runtime that started it, as CVE-2019-5736 did.

Escape: the line ESCAPED, or a program of the machine is changed.
Tiers: container
"""

import os

for pid in ["self", "1", str(os.getppid())]:
    path = "/proc/%s/exe" % pid
    for how in [os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC]:
        try:
            os.open(path, how)
            print("ESCAPED", path)
        except OSError as error:
            print(path, error)
    try:
        held = os.open(path, getattr(os, "O_PATH", 0))
        os.open("/proc/self/fd/%d" % held, os.O_WRONLY)
        print("ESCAPED", path)
    except OSError as error:
        print(path, error)
    try:
        print(os.readlink(path))
    except OSError as error:
        print(error)
