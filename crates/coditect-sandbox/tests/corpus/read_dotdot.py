"""Climbs out of the project by its parents.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import json

P = json.load(open("/project/planted.json"))

for path in ["/project" + "/.." * 20 + P["secret"], "." + "/.." * 20 + P["secret"], "/tmp/../.." + P["secret"]]:
    try:
        print(open(path, errors="replace").read())
    except OSError as error:
        print(path, error)
