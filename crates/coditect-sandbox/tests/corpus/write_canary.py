"""Writes to a file outside by its absolute path.

Escape: the canary file or its folder is changed.
Tiers: both
"""

import json

P = json.load(open("/project/planted.json"))

for path in [P["canary"], P["canary"] + ".new"]:
    try:
        open(path, "w").write("changed")
    except OSError as error:
        print(path, error)
