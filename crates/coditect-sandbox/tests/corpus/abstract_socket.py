"""Connects to an abstract Unix socket of the machine.

Escape: a listener of the harness hears of it, or the line ESCAPED.
Tiers: both
"""

import json
import socket

P = json.load(open("/project/planted.json"))


try:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect("\0" + P["abstract"])
    print("ESCAPED")
except (OSError, AttributeError) as error:
    print(error)
