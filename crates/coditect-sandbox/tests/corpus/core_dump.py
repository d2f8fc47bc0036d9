"""Dies with a core dump.

Escape: a core file is in the project afterwards.
Tiers: both
Ends: any
"""

import os
import signal

try:
    os.chdir("/project")
except OSError:
    pass
os.kill(os.getpid(), signal.SIGSEGV)
