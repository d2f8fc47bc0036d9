"""Takes memory in many processes, each below the limit.

Escape: more memory is taken than allowed, by all together.
Tiers: both
Ends: any
"""

import os
import time

for _ in range(20):
    if os.fork() == 0:
        block = bytearray(b"x" * (48 << 20))
        time.sleep(60)
time.sleep(3)
alive = 0
for name in os.listdir("/proc"):
    if name.isdigit():
        for line in open("/proc/%s/status" % name):
            if line.startswith("RssAnon") and int(line.split()[1]) > 40 << 10:
                alive += 1
print(alive)
if alive * 48 > 512:
    print("ESCAPED")
