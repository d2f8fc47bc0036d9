"""Makes sockets of every other family and kind than TCP and UDP, which lead to nothing but the program itself.

Escape: the line ESCAPED.
Tiers: both
"""

import socket

OWN = {(family, kind) for family in (2, 10) for kind in (1, 2)}

for family in range(2, 46):
    for kind in [1, 2, 3, 5]:
        if (family, kind) in OWN:
            continue
        try:
            socket.socket(family, kind, 0)
            print("ESCAPED", family, kind)
        except (OSError, ValueError) as error:
            print(family, kind, error)
