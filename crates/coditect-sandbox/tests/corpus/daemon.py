"""Leaves a daemon behind by the double fork.

Escape: the daemon lives after the run.
Tiers: both
"""

import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3):
            os.close(fd)
        while True:
            open("/project/alive", "a").write("x")
            time.sleep(0.01)
    os._exit(0)
os.wait()
