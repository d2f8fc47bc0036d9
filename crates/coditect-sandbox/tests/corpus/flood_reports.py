"""Writes one report without end.

Escape: the host keeps it all.
Tiers: both
Ends: any
"""

import os

try:
    while True:
        os.write(3, b"x" * 65536)
except OSError as error:
    print(error)
