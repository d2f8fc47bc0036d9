"""Stops itself and all its children.

Escape: it is not ended at its limit.
Tiers: both
Ends: timeout
"""

import os
import signal

child = os.fork()
os.kill(os.getpid(), signal.SIGSTOP)
if child:
    os.wait()  # The first process of a container cannot be stopped, and its child can.
