"""Stops itself and all its children.

Escape: it is not ended at its limit.
Tiers: both
Ends: timeout
"""

import os
import signal

os.fork()
os.kill(os.getpid(), signal.SIGSTOP)
