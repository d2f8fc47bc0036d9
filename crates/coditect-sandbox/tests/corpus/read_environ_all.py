"""Reads the environment and command line of every process.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import glob

for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        print(open(path, errors="replace").read())
    except OSError as error:
        print(path, error)
