"""Writes to every mount that is not its own.

Escape: the line ESCAPED.
Tiers: container
"""

import os

own = ["/project", "/tmp", "/dev", "/dev/shm", "/dev/mqueue", "/dev/pts"]
for line in open("/proc/self/mountinfo"):
    fields = line.split()
    place = fields[4]
    if place in own or place.startswith("/proc"):
        continue
    path = os.path.join(place, "coditect-mark") if os.path.isdir(place) else place
    try:
        with open(path, "a"):
            print("ESCAPED", path, line)
    except OSError as error:
        print(path, error)
