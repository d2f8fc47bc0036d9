"""Forks without end.

Escape: the machine is out of processes, or some are left.
Tiers: both
Ends: limit
"""

import os

while True:
    try:
        os.fork()
    except OSError:
        pass
