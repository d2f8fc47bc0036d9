"""Leaves its time to a child of a child.

Escape: it is not ended at its limit.
Tiers: both
Ends: timeout
"""

import subprocess

subprocess.run(["sh", "-c", "sh -c 'while true; do sleep 1000; done' & wait"])
