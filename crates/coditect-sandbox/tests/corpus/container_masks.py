"""Reads and writes what engines mask of `/proc` and `/sys`.

Escape: the line ESCAPED.
Tiers: container
"""

for path in ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats"]:
    try:
        if open(path, "rb").read(64):
            print("ESCAPED", path)
    except OSError as error:
        print(path, error)
for path in [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sysrq-trigger",
    "/proc/irq/0/smp_affinity",
    "/proc/bus/pci/00/00.0",
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/release_agent",
    "/sys/fs/cgroup/memory/release_agent",
]:
    try:
        open(path, "w").write("x")
        print("ESCAPED", path)
    except OSError as error:
        print(path, error)
