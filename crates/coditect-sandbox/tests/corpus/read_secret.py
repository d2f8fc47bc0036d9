"""Reads a secret file by its absolute path.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import json

P = json.load(open("/project/planted.json"))

for path in [P["secret"]]:
    try:
        print(open(path, errors="replace").read())
    except OSError as error:
        print(path, error)
