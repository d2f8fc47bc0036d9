"""Is the first process of its container, ignores every signal that can be ignored, and never ends.

Escape: it goes on after the time limit.
Tiers: container
Ends: timeout
"""

import os
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        break
while True:
    pass
