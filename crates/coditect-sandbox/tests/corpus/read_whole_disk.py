"""Walks the whole disk for the secret file.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import os

for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/usr", "/sys")]
    if "secret.txt" in files:
        print("ESCAPED", folder, open(os.path.join(folder, "secret.txt")).read())
