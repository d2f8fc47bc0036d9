"""Writes /etc/ld.so.preload and other files that every program reads.

Escape: the line ESCAPED.
Tiers: both
"""

for path in ["/etc/ld.so.preload", "/etc/ld.so.cache", "/etc/passwd", "/etc/hosts", "/etc/nsswitch.conf"]:
    try:
        open(path, "ab").write(b"")
        print("ESCAPED", path)
    except OSError as error:
        print(path, error)
