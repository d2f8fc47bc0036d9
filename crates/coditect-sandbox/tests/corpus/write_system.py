"""Writes to programs and libraries of the system.

Escape: the line ESCAPED.
Tiers: both
"""

import os

for folder in ["/usr", "/usr/bin", "/usr/local/bin", "/usr/lib", "/bin", "/lib", "/etc", "/", "/proc", "/runner"]:
    path = os.path.join(folder, "coditect_escape")
    try:
        open(path, "w").write("x")
        print("ESCAPED", path)
    except OSError as error:
        print(error)
