"""Runs programs with a library of its own in them.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import json
import os
import subprocess

P = json.load(open("/project/planted.json"))


open("/tmp/evil.so", "w").write("not a library")
environment = dict(os.environ, LD_PRELOAD="/tmp/evil.so", LD_LIBRARY_PATH="/tmp", LD_AUDIT="/tmp/evil.so")
print(subprocess.run(["su", "-c", "cat " + P["secret"]], env=environment, capture_output=True, input=b""))
print(subprocess.run(["cat", P["secret"]], env=environment, capture_output=True))
