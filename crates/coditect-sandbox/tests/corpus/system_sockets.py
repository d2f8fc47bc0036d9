"""Connects to sockets of system services.

Escape: the line ESCAPED.
Tiers: both
"""

import glob
import socket

for path in glob.glob("/run/**/*sock*", recursive=True) + ["/var/run/docker.sock", "/run/dbus/system_bus_socket"]:
    try:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(path)
        print("ESCAPED", path)
    except (OSError, AttributeError) as error:
        print(path, error)
