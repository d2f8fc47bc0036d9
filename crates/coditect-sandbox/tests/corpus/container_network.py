"""Looks for a network: interfaces, routes, the gateway, and the address at which clouds keep credentials.

Escape: the line ESCAPED.
Tiers: container
"""

import os
import socket

for name in os.listdir("/sys/class/net") if os.path.exists("/sys/class/net") else []:
    # Tunnels that the kernel makes in every namespace are down and lead nowhere.
    if name != "lo" and open("/sys/class/net/%s/operstate" % name).read().strip() == "up":
        print("ESCAPED", name)
for line in open("/proc/net/route").read().splitlines()[1:]:
    print("ESCAPED", line)
for address in ["169.254.169.254", "172.17.0.1", "10.0.2.2", "127.0.0.11", "8.8.8.8"]:
    try:
        with socket.create_connection((address, 80), timeout=0.2):
            print("ESCAPED", address)
    except OSError as error:
        print(address, error)
