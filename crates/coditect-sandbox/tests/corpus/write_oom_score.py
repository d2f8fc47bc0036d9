"""Protects itself from the kernel at the cost of others.

Escape: the line ESCAPED.
Tiers: both
"""

for path in ["/proc/self/oom_score_adj", "/proc/1/oom_score_adj"]:
    try:
        open(path, "wb", buffering=0).write(b"-1000")
        print("ESCAPED", path)
    except OSError as error:
        print(path, error)
