"""Opens what other processes have open.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import glob
import os

for path in glob.glob("/proc/[0-9]*/fd/*") + glob.glob("/proc/[0-9]*/map_files/*"):
    try:
        print(path, os.readlink(path))
        if not path.startswith("/proc/%d/" % os.getpid()):
            print(os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 4096))
    except OSError as error:
        print(path, error)
