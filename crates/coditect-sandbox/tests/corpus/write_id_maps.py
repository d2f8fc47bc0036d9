"""Writes a new identity map for itself.

Escape: the line ESCAPED.
Tiers: both
"""

for path in ["/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups", "/proc/1/uid_map"]:
    try:
        open(path, "wb", buffering=0).write(b"0 0 4294967295")
        print("ESCAPED", path)
    except OSError as error:
        print(path, error)
