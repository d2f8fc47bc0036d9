"""Sleeps without end.

Escape: it is not ended at its limit.
Tiers: both
Ends: timeout
"""

import time

while True:
    time.sleep(1e6)
