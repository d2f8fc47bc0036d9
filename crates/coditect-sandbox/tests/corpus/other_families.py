"""Makes sockets of every other family and kind.

Escape: the line ESCAPED.
Tiers: both
"""

import socket

for family in range(2, 46):
    for kind in [1, 2, 3, 5]:
        try:
            socket.socket(family, kind, 0)
            print("ESCAPED", family, kind)
        except (OSError, ValueError) as error:
            print(family, kind, error)
