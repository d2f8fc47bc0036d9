"""Becomes root by asking.

Escape: the line ESCAPED.
Tiers: both
"""

import os

for change in [lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgid(0), lambda: os.setgroups([0]),
               lambda: os.seteuid(0)]:
    try:
        change()
        print("ESCAPED", os.getresuid())
    except OSError as error:
        print(error)
