"""Reads the disks themselves.

Escape: the line ESCAPED.
Tiers: both
"""

import glob
import os

for path in glob.glob("/dev/[vsxh]d[a-z]*") + glob.glob("/dev/nvme*") + ["/dev/root", "/dev/loop0", "/dev/dm-0"]:
    try:
        print("ESCAPED", path, os.read(os.open(path, os.O_RDONLY), 16))
    except OSError as error:
        print(path, error)
