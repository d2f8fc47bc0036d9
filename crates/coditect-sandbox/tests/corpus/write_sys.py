"""Writes to the devices of the machine, and beside them.

Escape: the line ESCAPED.
Tiers: os
"""

for path in ["/dev/coditect_escape", "/sys/power/state", "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/cgroup.procs"]:
    try:
        open(path, "w").write("0")
        print("ESCAPED", path)
    except OSError as error:
        print(path, error)
