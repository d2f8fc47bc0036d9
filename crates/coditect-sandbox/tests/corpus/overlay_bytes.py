"""Fills the layer above the project, by new files and by ones that are copied up.

Escape: more than the memory limit is written.
Tiers: overlay
Ends: any
"""

import os

written = 0
try:
    for number in range(200):
        with open("fill%d" % number, "wb") as file:
            written += file.write(b"x" * (8 << 20))
    print("ESCAPED", written)
except (OSError, MemoryError) as error:
    print(written, error)
