"""Makes copied-up and new files set-id or gives them capabilities.

Escape: the line ESCAPED, or the project is not as it was.
Tiers: overlay
"""

import os

open("new", "w").write("#!/bin/sh\nid\n")
for path in ["new", "planted.json"]:
    for mode in [0o4755, 0o2755, 0o6777]:
        try:
            os.chmod(path, mode)
            if os.stat(path).st_mode & 0o6000:
                print("ESCAPED", path, oct(mode))
        except OSError as error:
            print(path, error)
    try:
        os.setxattr(path, "security.capability", b"\x01\0\0\2\xff\xff\xff\xff" + bytes(12))
        print("ESCAPED", path, "has capabilities")
    except OSError as error:
        print(path, error)
