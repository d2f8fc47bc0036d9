"""Makes device nodes and opens them.

Escape: the line ESCAPED.
Tiers: both
"""

import os
import stat

for at in ["/tmp/disk", "/project/disk"]:
    for kind, major, minor in [(stat.S_IFBLK, 8, 0), (stat.S_IFBLK, 254, 0), (stat.S_IFCHR, 1, 1), (stat.S_IFCHR, 1, 3)]:
        try:
            os.mknod(at, 0o666 | kind, os.makedev(major, minor))
            print("ESCAPED", at)
            os.unlink(at)
        except OSError as error:
            print(at, error)
