"""Writes through descriptors, maps and hard links that were made while a file was still the one below.

Escape: the project is not as it was.
Tiers: overlay
"""

import mmap
import os

before = os.open("planted.json", os.O_RDONLY)
path = os.open("planted.json", getattr(os, "O_PATH", 0))
os.link("planted.json", "linked")
with open("linked", "r+b") as file:
    view = mmap.mmap(file.fileno(), 0)
    view[:6] = b"spoilt"
    view.flush()
for descriptor in [before, path]:
    for how in [os.O_WRONLY, os.O_RDWR | os.O_TRUNC]:
        try:
            again = os.open("/proc/self/fd/%d" % descriptor, how)
            os.write(again, b"spoilt")
        except OSError as error:
            print(descriptor, error)
try:
    os.ftruncate(before, 0)
except OSError as error:
    print(error)
