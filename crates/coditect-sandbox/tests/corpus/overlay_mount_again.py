"""Mounts an overlay of its own, to see the machine through it.

Escape: the line ESCAPED.
Tiers: overlay
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
for folder in ["up", "wk", "mt"]:
    os.makedirs(folder, exist_ok=True)
options = b"lowerdir=/,upperdir=/project/up,workdir=/project/wk"
LIBC.unshare(0x10000000 | 0x00020000)
for flags in [0, 32, 4096]:
    got = LIBC.mount(b"overlay", b"/project/mt", b"overlay", flags, options)
    print(flags, got, ctypes.get_errno())
    if got == 0:
        print("ESCAPED", os.listdir("mt"))
for target in [b"/project", b"/tmp"]:
    if LIBC.umount2(target, 2) == 0:
        print("ESCAPED", target)
