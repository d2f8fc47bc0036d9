"""Makes links to the outside and writes through them.

Escape: the canary file or its folder is changed.
Tiers: both
"""

import json
import os

P = json.load(open("/project/planted.json"))


for at, to in [("a", P["canary"]), ("b", os.path.dirname(P["canary"])), ("c", "../" * 20 + P["canary"])]:
    try:
        os.symlink(to, at)
        open(at if at != "b" else "b/new.txt", "w").write("changed")
    except OSError as error:
        print(at, error)
