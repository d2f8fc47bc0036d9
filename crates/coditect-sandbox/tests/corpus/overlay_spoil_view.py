"""Removes, renames, truncates and replaces everything that it finds in the project.

Escape: the project is not as it was.
Tiers: overlay
"""

import os
import shutil

for name in os.listdir("/project"):
    path = "/project/" + name
    try:
        os.chmod(path, 0o777, follow_symlinks=False)
    except (OSError, NotImplementedError):
        pass
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif name.startswith("planted"):
            os.truncate(path, 0)
            os.rename(path, path + ".gone")
        else:
            os.unlink(path)
            open(path, "w").write("spoilt")
    except OSError as error:
        print(path, error)
os.chmod("/project", 0)
