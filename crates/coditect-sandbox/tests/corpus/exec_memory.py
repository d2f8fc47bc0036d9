"""Runs a program from memory, past every mount.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import json
import os
import subprocess

P = json.load(open("/project/planted.json"))


fd = os.memfd_create("program")
with open("/bin/cat", "rb") as source:
    os.write(fd, source.read())
print(subprocess.run(["/proc/self/fd/%d" % fd, P["secret"], "/etc/shadow"], pass_fds=[fd], capture_output=True))
