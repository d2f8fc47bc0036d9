"""Takes memory in files that exist only in memory.

Escape: more memory is taken than allowed.
Tiers: both
"""

import os

written = 0
try:
    for number in range(64):
        fd = os.memfd_create(str(number))
        written += os.write(fd, b"x" * (8 << 20))
    print("ESCAPED", written)
except (OSError, MemoryError) as error:
    print(written, error)
