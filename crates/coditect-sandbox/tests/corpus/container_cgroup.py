"""Raises the limits of its own control group, or leaves it.

Escape: the line ESCAPED.
Tiers: container
"""

import os

top = "/sys/fs/cgroup"
for folder, folders, files in os.walk(top):
    for name in files:
        if name in ("memory.max", "memory.limit_in_bytes", "pids.max", "cgroup.procs", "tasks", "cpu.max", "notify_on_release"):
            try:
                with open(os.path.join(folder, name), "w") as file:
                    file.write("0")
                print("ESCAPED", folder, name)
            except OSError:
                pass
    try:
        os.mkdir(os.path.join(folder, "coditect-escape"))
        print("ESCAPED", folder)
    except OSError:
        pass
