"""Writes to the settings of the kernel.

Escape: the line ESCAPED.
Tiers: os
"""

for path in ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches", "/proc/sys/fs/suid_dumpable", "/proc/sys/kernel/ns_last_pid"]:
    try:
        open(path, "w").write("1")
        print("ESCAPED", path)
    except OSError as error:
        print(path, error)
