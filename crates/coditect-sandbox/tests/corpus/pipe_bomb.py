"""Fills pipes without end.

Escape: more kernel memory is taken than allowed.
Tiers: both
"""

import fcntl
import os

kept = []
try:
    while len(kept) < 100000:
        ends = os.pipe()
        fcntl.fcntl(ends[1], 1031, 1 << 20)
        os.set_blocking(ends[1], False)
        os.write(ends[1], b"x" * (1 << 20))
        kept.append(ends)
    print("ESCAPED", len(kept))
except (OSError, MemoryError) as error:
    print(len(kept), error)
