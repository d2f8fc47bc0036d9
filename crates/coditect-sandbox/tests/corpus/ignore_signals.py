"""Ignores every signal that it can and loops.

Escape: it is not ended at its limit.
Tiers: both
Ends: timeout
"""

import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
