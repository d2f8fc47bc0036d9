"""Takes the processor for itself.

Escape: the line ESCAPED.
Tiers: both
"""

import os

for policy in [os.SCHED_FIFO, os.SCHED_RR]:
    try:
        os.sched_setscheduler(0, policy, os.sched_param(50))
        print("ESCAPED")
    except OSError as error:
        print(error)
try:
    os.nice(-10)
    print("ESCAPED")
except OSError as error:
    print(error)
