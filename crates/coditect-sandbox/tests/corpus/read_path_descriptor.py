"""Climbs from a descriptor of the root that was opened as a mere path.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import json
import os

P = json.load(open("/project/planted.json"))


for start in ["/", "/project", "/tmp"]:
    try:
        fd = os.open(start, getattr(os, "O_PATH", os.O_RDONLY))
        for path in [P["secret"].lstrip("/"), "../" * 20 + P["secret"].lstrip("/")]:
            print(os.read(os.open(path, os.O_RDONLY, dir_fd=fd), 4096))
    except OSError as error:
        print(start, error)
