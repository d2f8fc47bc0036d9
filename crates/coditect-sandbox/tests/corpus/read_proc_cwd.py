"""Climbs from the working directory of another process.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import json

P = json.load(open("/project/planted.json"))

for path in ["/proc/%s/cwd%s%s" % (pid, "/.." * 12, P["secret"]) for pid in ["1", "self", str(P["host_pid"])]]:
    try:
        print(open(path, errors="replace").read())
    except OSError as error:
        print(path, error)
