"""Types into the terminal of the person.

Escape: the line ESCAPED.
Tiers: both
"""

import fcntl
import os

for path in ["/dev/tty", "/dev/console", "/dev/pts/0", "/dev/tty1", "/dev/ptmx"]:
    try:
        made = os.open(path, os.O_RDWR | os.O_NOCTTY)
        # A terminal of its own among no others is nobody's.
        if path != "/dev/ptmx" or len(set(os.listdir("/dev/pts")) - {"ptmx"}) > 1:
            print("ESCAPED", path)
        os.close(made)
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
