"""Opens files without end.

Escape: more are opened than allowed.
Tiers: both
"""

kept = []
try:
    while len(kept) < 100000:
        kept.append(open("/project/planted.json"))
    print("ESCAPED", len(kept))
except (OSError, MemoryError) as error:
    print(len(kept), error)
