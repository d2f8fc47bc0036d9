"""Looks for the layers below and above the project: by their places, and by what the table of mounts says.

Escape: the line ESCAPED.
Tiers: overlay
"""

import os

places = ["/.room", "/.view", "/.over", "/.old", "/tmp/upper", "/tmp/work", "/tmp/../upper", "/project/../upper"]
for line in open("/proc/self/mountinfo"):
    options = line.rsplit(" ", 1)[-1]
    for option in options.strip().split(","):
        if "dir=" in option:
            places += option.split("=", 1)[1].split(":")
for place in places:
    try:
        print("ESCAPED", place, os.listdir(place))
    except OSError as error:
        print(place, error)
