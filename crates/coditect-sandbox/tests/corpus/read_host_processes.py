"""Looks for processes of the machine.

Escape: the process id of the harness or its victim is seen.
Tiers: both
"""

import os

seen = [name for name in os.listdir("/proc") if name.isdigit()]
print(seen)
for name in seen:
    try:
        if "victim-" in open("/proc/%s/cmdline" % name).read():
            print("ESCAPED", name)
    except OSError as error:
        print(error)
if len(seen) > 20:
    print("ESCAPED", len(seen))
