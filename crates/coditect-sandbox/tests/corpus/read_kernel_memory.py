"""Reads the memory of the kernel.

Escape: the line ESCAPED.
Tiers: both
"""

import os

for path in ["/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore", "/proc/kpagecount", "/proc/kpageflags"]:
    try:
        found = os.read(os.open(path, os.O_RDONLY), 16)
        print("ESCAPED" if found else "empty", path, found)
    except OSError as error:
        print(path, error)
