"""Fills /dev/shm.

Escape: more than the memory limit is written.
Tiers: both
"""

written = 0
try:
    for number in range(200):
        with open("/dev/shm/fill%d" % number, "wb") as file:
            written += file.write(b"x" * (8 << 20))
    print("ESCAPED", written)
except (OSError, MemoryError) as error:
    print(written, error)
