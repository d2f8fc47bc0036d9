"""Writes wherever the image has something: the root, programs, and the files that the engine lays over it.

Escape: the line ESCAPED.
Tiers: container
"""

import os

for folder, _, files in os.walk("/"):
    if folder.startswith(("/proc", "/project", "/tmp", "/dev", "/sys")):
        continue
    for path in [folder + "/coditect-mark"] + [os.path.join(folder, name) for name in files[:3]]:
        try:
            with open(path, "r+b" if os.path.exists(path) else "wb"):
                print("ESCAPED", path)
        except OSError:
            pass
for path in ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/runner/runner.py", "/.dockerenv"]:
    try:
        with open(path, "a"):
            print("ESCAPED", path)
    except OSError as error:
        print(path, error)
