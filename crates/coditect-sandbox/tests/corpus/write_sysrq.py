"""Asks the kernel to crash or reboot.

Escape: the line ESCAPED.
Tiers: both
"""

for path in ["/proc/sysrq-trigger"]:
    try:
        open(path, "w").write("h")
        print(path, "took it")
        print("ESCAPED" if __import__("os").stat(path).st_rdev == 0 else "masked")
    except OSError as error:
        print(path, error)
