"""Reads what the kernel says of this process: who it is and what it may.

Escape: the line ESCAPED.
Tiers: container
"""

import os

status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]:
    if int(status[name], 16):
        print("ESCAPED", name, status[name])
if status["NoNewPrivs"] != "1" or status["Seccomp"] != "2":
    print("ESCAPED", status["NoNewPrivs"], status["Seccomp"])
identity = open("/proc/self/uid_map").read().split()
if os.getuid() == 0 and identity[:2] == ["0", "0"]:
    print("ESCAPED", "root of the machine")
if 0 in os.getgroups() and identity[:2] == ["0", "0"]:
    print("ESCAPED", "the group of root")
