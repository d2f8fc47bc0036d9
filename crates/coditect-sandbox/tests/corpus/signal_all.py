"""Signals everything it can.

Escape: the victim process is gone or stopped.
Tiers: both
"""

import os
import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in [signal.SIGTERM, signal.SIGKILL]:
    try:
        os.kill(-1, number)
    except OSError as error:
        print(error)
