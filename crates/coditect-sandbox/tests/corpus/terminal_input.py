"""Types into the terminal of the person.

Escape: the line ESCAPED.
Tiers: both
"""

import fcntl
import os

for path in ["/dev/tty", "/dev/console", "/dev/pts/0", "/dev/tty1", "/dev/ptmx"]:
    try:
        os.open(path, os.O_RDWR | os.O_NOCTTY)
        print("ESCAPED", path)
    except OSError as error:
        print(error)
for fd in range(3):
    for request in [0x5412, 0x541C]:
        try:
            fcntl.ioctl(fd, request, b"x")
            print("ESCAPED")
        except OSError as error:
            print(error)
    if os.isatty(fd):
        print("ESCAPED", fd)
