"""Reads the environment of the first process and of the parents.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import os

for path in ["/proc/1/environ", "/proc/self/environ", "/proc/%d/environ" % os.getppid()]:
    try:
        print(open(path, errors="replace").read())
    except OSError as error:
        print(path, error)
