"""Closes every descriptor, and goes on.

Escape: the host waits for ever.
Tiers: both
Ends: timeout
"""

import os

os.closerange(0, 256)
while True:
    pass
