"""Reaches the root of another process by /proc.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import json

P = json.load(open("/project/planted.json"))

for path in ["/proc/%s/root%s" % (pid, P["secret"]) for pid in ["1", "self", str(P["host_pid"]), str(P["victim_pid"])]]:
    try:
        print(open(path, errors="replace").read())
    except OSError as error:
        print(path, error)
