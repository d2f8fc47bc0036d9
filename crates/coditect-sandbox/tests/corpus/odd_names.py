"""Leaves files with names that are no text.

Escape: the line ESCAPED.
Tiers: both
"""

import os

for name in [b"\xff\xfe", b"new\nline", b"-rf", b"$(touch escaped)", b"a" * 255, b"\x1b[2J"]:
    try:
        open(os.path.join(b"/project", name), "w").close()
    except OSError as error:
        print(error)
