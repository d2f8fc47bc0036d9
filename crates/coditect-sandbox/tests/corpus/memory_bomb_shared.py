"""Takes memory that belongs to no process.

Escape: more memory is taken than allowed.
Tiers: both
"""

import mmap

kept = []
try:
    for _ in range(64):
        block = mmap.mmap(-1, 16 << 20)
        block.write(b"x" * (16 << 20))
        kept.append(block)
    print("ESCAPED", len(kept) * 16)
except (OSError, ValueError, MemoryError) as error:
    print(error)
