"""Leaves a process behind that holds files of the layer open and writes on.

Escape: a process is left, or the project is not as it was.
Tiers: overlay
"""

import os
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open("planted.json", "r+b") as file:
            while True:
                file.seek(0)
                file.write(b"spoilt")
                file.flush()
                time.sleep(0.01)
    os._exit(0)
print("leaving")
