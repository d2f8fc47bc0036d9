"""Signals its parent, its group and the first process.

Escape: the victim process is gone or stopped.
Tiers: both
"""

import os
import signal

for pid in [os.getppid(), 1, 0, -os.getpgid(0)]:
    for number in [signal.SIGUSR1, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL]:
        if pid in (0, -os.getpgid(0)) and number != signal.SIGUSR1:
            continue
        try:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            os.kill(pid, number)
        except OSError as error:
            print(pid, error)
print("still here")
