"""Looks through the devices that it was given.

Escape: the line ESCAPED.
Tiers: container
"""

import os
import stat

known = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (5, 1)}
for folder, _, files in os.walk("/dev"):
    for name in files:
        path = os.path.join(folder, name)
        about = os.lstat(path)
        if stat.S_ISBLK(about.st_mode):
            print("ESCAPED", path)
        if stat.S_ISCHR(about.st_mode):
            number = (os.major(about.st_rdev), os.minor(about.st_rdev))
            if number not in known and number[0] != 136:
                print("ESCAPED", path, number)
for kind, numbers in [(stat.S_IFBLK, [(8, 0), (254, 0), (259, 0)]), (stat.S_IFCHR, [(1, 1), (10, 200), (10, 229)])]:
    for number in numbers:
        for folder in ["/tmp", "/dev", "/project", "/dev/shm"]:
            try:
                os.mknod(folder + "/made", 0o600 | kind, os.makedev(*number))
                print("ESCAPED", folder, number)
            except OSError:
                pass
