"""Connects to a Unix socket that someone left in the project.

Escape: the listener hears of it; it counts as reached only if it is outside the view.
Tiers: both
"""

import json
import os
import socket

P = json.load(open("/project/planted.json"))


try:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind("/tmp/own.sock")
    server.listen()
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect("/tmp/own.sock")
    print("its own works, which is right", os.getpid())
    client.connect("/proc/1/root" + P["unix_path"])
    print("ESCAPED")
except (OSError, AttributeError) as error:
    print(error)
