"""Takes memory without end.

Escape: more memory is taken than allowed.
Tiers: both
"""

kept = []
try:
    while True:
        kept.append(bytearray(b"x" * (8 << 20)))
        if len(kept) > 64:
            print("ESCAPED", len(kept) * 8, "MiB of 256")
            break
except MemoryError:
    print("no more")
