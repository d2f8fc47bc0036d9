"""Connects to a listener on the loopback.

Escape: a listener of the harness hears of it, or the line ESCAPED.
Tiers: both
"""

import json
import socket

P = json.load(open("/project/planted.json"))


for family, host in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "0.0.0.0")]:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            client.connect((host, P["tcp_port"]))
            client.sendall(b"hello")
            print("ESCAPED")
    except OSError as error:
        print(host, error)
