"""Opens internet sockets of other kinds than TCP and UDP, for some of which a kernel would load a module.

Escape: the line ESCAPED.
Tiers: both
"""

import socket

STREAM, DATAGRAM, SEQUENCED, DCCP_KIND = 1, 2, 5, 6
ICMP, DCCP, SCTP, UDP_LITE, L2TP, MPTCP = 1, 33, 132, 136, 115, 262
KINDS = [(DATAGRAM, ICMP), (DCCP_KIND, DCCP), (SEQUENCED, 0), (SEQUENCED, SCTP), (STREAM, SCTP), (DATAGRAM, UDP_LITE),
         (DATAGRAM, L2TP), (STREAM, MPTCP), (STREAM | (1 << 32), SCTP), (DATAGRAM, ICMP - (1 << 32))]

for family in ["AF_INET", "AF_INET6"]:
    for kind, protocol in KINDS:
        try:
            socket.socket(getattr(socket, family), kind, protocol)
            print("ESCAPED", family, kind, protocol)
        except (OSError, OverflowError, AttributeError, ValueError) as error:
            print(family, kind, protocol, error)
