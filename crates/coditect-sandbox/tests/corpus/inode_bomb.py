"""Makes files without end in the scratch directory.

Escape: more files are made than allowed.
Tiers: both
Ends: any
"""

made = 0
try:
    for made in range(1000000):
        open("/tmp/%d" % made, "w").close()
    print("ESCAPED", made)
except (OSError, MemoryError) as error:
    print(made, error)
