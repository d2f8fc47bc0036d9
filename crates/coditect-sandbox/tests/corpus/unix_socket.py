"""Connects to a Unix socket of the machine by its path.

Escape: a listener of the harness hears of it, or the line ESCAPED.
Tiers: both
"""

import json
import socket

P = json.load(open("/project/planted.json"))


for path in [P["unix_path"], "/project/link_to_folder/listener.sock"]:
    try:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(path)
        print("ESCAPED")
    except (OSError, AttributeError) as error:
        print(error)
