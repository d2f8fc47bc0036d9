"""Connects to the outside world.

Escape: the line ESCAPED.
Tiers: both
"""

import socket

for host, port in [("1.1.1.1", 53), ("8.8.8.8", 443), ("169.254.169.254", 80), ("10.0.0.1", 22)]:
    try:
        with socket.create_connection((host, port), timeout=1):
            print("ESCAPED", host)
    except OSError as error:
        print(host, error)
