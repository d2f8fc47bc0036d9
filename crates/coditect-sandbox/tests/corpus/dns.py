"""Asks for a name.

Escape: the line ESCAPED.
Tiers: both
"""

import socket

for name in ["example.com", "secret.exfiltration.example.com"]:
    try:
        print("ESCAPED", socket.getaddrinfo(name, 80))
    except OSError as error:
        print(name, error)
