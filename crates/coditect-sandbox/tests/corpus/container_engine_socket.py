"""Looks for the sockets of container engines, and speaks to those that it finds.

Escape: the line ESCAPED.
Tiers: container
"""

import os
import socket

names = ["docker.sock", "podman/podman.sock", "containerd/containerd.sock", "crio/crio.sock", "docker/metrics.sock"]
for top in ["/run/", "/var/run/", "/run/user/0/", "/run/user/1000/", "/proc/1/root/run/"]:
    for name in names:
        if os.path.exists(top + name):
            print("ESCAPED", top + name)
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(top + name)
                print("ESCAPED", top + name)
            except OSError:
                pass
for abstract in ["\0/containerd-shim", "\0docker", "\0/run/containerd/s"]:
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(abstract)
            print("ESCAPED", abstract)
        except OSError:
            pass
