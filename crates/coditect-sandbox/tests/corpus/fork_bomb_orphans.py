"""Forks without end, each child leaving its parent.

Escape: the machine is out of processes, or some are left.
Tiers: both
Ends: any
"""

import os

while True:
    try:
        if os.fork():
            os._exit(0) if os.getpid() != 2 else None
        else:
            os.setsid()
    except OSError:
        pass
