"""Takes all memory at once, several ways.

Escape: more memory is taken than allowed.
Tiers: both
"""

for size in [1 << 30, 4 << 30, 1 << 40, 1 << 62]:
    try:
        block = b"x" * size
        print("ESCAPED", len(block))
    except (MemoryError, OverflowError) as error:
        print(size, repr(error))
