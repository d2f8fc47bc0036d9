"""Sends to a listener on the loopback.

Escape: a listener of the harness hears of it, or the line ESCAPED.
Tiers: both
"""

import json
import socket

P = json.load(open("/project/planted.json"))


try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"hello", ("127.0.0.1", P["udp_port"]))
except OSError as error:
    print(error)
