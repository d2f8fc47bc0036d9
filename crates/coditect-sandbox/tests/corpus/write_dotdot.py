"""Writes to a file outside by its parents.

Escape: the canary file or its folder is changed.
Tiers: both
"""

import json

P = json.load(open("/project/planted.json"))

for path in ["/project" + "/.." * 20 + P["canary"], "." + "/.." * 20 + P["canary"]]:
    try:
        open(path, "w").write("changed")
    except OSError as error:
        print(path, error)
