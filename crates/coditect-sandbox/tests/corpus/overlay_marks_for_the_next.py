"""Leaves a mark for the next run, wherever it can write. The harness runs this program twice.

Escape: the second run finds a mark of the first.
Tiers: overlay
"""

import os

for folder in ["/project", "/tmp", "/tmp/home", "/dev/shm", "/var/tmp", "/run", "/", "/project/.git"]:
    mark = os.path.join(folder, "coditect-overlay-mark")
    if os.path.exists(mark):
        print("ESCAPED", mark)
    try:
        open(mark, "w").write("I was here")
    except OSError as error:
        print(folder, error)
