"""Makes whiteouts of its own, by which files below would be hidden or shown.

Escape: the line ESCAPED, or the project is not as it was.
Tiers: overlay
"""

import ctypes
import os
import stat

LIBC = ctypes.CDLL(None, use_errno=True)
try:
    os.mknod("planted.json.white", 0o600 | stat.S_IFCHR, os.makedev(0, 0))
    print("made a device 0/0")
except OSError as error:
    print(error)
try:
    os.mknod("disk", 0o600 | stat.S_IFBLK, os.makedev(254, 0))
    print("ESCAPED", "a disk was made")
except OSError as error:
    print(error)
RENAME_WHITEOUT, RENAME_EXCHANGE = 4, 2
for flag in [RENAME_WHITEOUT, RENAME_EXCHANGE]:
    open("other", "w").write("x")
    got = LIBC.renameat2(-100, b"planted.json", -100, b"other", flag)
    print(flag, got, ctypes.get_errno())
