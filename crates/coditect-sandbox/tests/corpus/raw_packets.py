"""Sends raw packets and asks the kernel for its network.

Escape: the line ESCAPED.
Tiers: both
"""

import socket

for family, kind, protocol in [("AF_PACKET", 3, 768), ("AF_INET", 3, 1), ("AF_NETLINK", 3, 0), ("AF_NETLINK", 2, 15),
                               ("AF_VSOCK", 1, 0), ("AF_ALG", 5, 0), ("AF_BLUETOOTH", 3, 1), ("AF_CAN", 3, 1)]:
    try:
        socket.socket(getattr(socket, family), kind, protocol)
        print("ESCAPED", family)
    except (OSError, AttributeError, ValueError) as error:
        print(family, error)
