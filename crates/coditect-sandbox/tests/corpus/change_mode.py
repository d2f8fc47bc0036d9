"""Changes mode, owner and times of a file outside.

Escape: the canary file or its folder is changed.
Tiers: both
"""

import json
import os

P = json.load(open("/project/planted.json"))


for path in [P["canary"], "/project/link_to_canary"]:
    for change in [lambda p: os.chmod(p, 0o777), lambda p: os.chown(p, 1000, 1000), lambda p: os.utime(p, (1, 1)),
                   lambda p: os.truncate(p, 0), lambda p: os.setxattr(p, "user.x", b"1")]:
        try:
            change(path)
        except (OSError, AttributeError) as error:
            print(path, error)
