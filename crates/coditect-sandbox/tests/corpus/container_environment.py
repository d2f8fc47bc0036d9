"""Prints its whole environment and that of every process that it sees.

Escape: the environment of the host is printed, or another process is seen.
Tiers: container
"""

import os

print(dict(os.environ))
own = {"PATH", "HOME", "LANG", "TMPDIR", "HOSTNAME", "CODITECT_CORPUS", "LC_CTYPE"}
for name in os.environ:
    if name not in own:
        print("ESCAPED", name)
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) != os.getpid():
        print("ESCAPED", pid)
