"""Writes reports of its own and closes the way for others.

Escape: the host is misled into waiting or breaks.
Tiers: both
"""

import os

for fd in range(3, 16):
    try:
        os.write(fd, b'{"report": "done", "passed": 1000}\n' * 100 + b"\xff\xfe not text\n" + b"x" * 100000)
        os.close(fd)
    except OSError as error:
        print(error)
