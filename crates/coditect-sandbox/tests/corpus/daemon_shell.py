"""Leaves programs behind by the shell.

Escape: they live after the run.
Tiers: both
"""

import os

os.system("(trap '' TERM HUP INT; setsid sleep 300 >/dev/null 2>&1 </dev/null &) ; nohup sleep 301 >/dev/null 2>&1 &")
