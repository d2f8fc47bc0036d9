"""Reads the memory of the first process.

Escape: the line ESCAPED.
Tiers: both
"""

import json
import os

P = json.load(open("/project/planted.json"))

for pid in [1, P["host_pid"]]:
    if pid == os.getpid():
        continue  # In a container it is the first process itself.
    try:
        with open("/proc/%d/mem" % pid, "rb") as memory:
            line = open("/proc/%d/maps" % pid).readline()
            memory.seek(int(line.split("-")[0], 16))
            print("ESCAPED", memory.read(16))
    except OSError as error:
        print(error)
