"""Writes one file in the project without end.

Escape: the file is larger than allowed.
Tiers: both
"""

import signal

if hasattr(signal, "SIGXFSZ"):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open("/project/huge", "wb") as file:
        for _ in range(100):
            file.write(b"x" * (1 << 20))
    print("ESCAPED")
except OSError as error:
    print(error)
