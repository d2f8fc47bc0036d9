"""A network between namespaces whose packets come late, twice, in another order or not at all.

`net.py hub DIR` is the switch: it reads rules as lines of JSON and answers each with `ok`.
`net.py wire DIR ADDRESS` is the wire of the namespace that it runs in: a TUN device with that address.
"""

import collections
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

# As large as a packet may be: fewer of them cost less.
MTU = 9000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


class Wires:
    """The ends of wires, each a connection whose packets keep their bounds, with what its buffer had no room for."""

    def __init__(self, end):
        self.end, self.waiting = end, collections.deque()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        end.setblocking(False)

    def send(self, packet):
        # A queue as a switch has one: what is beyond it is lost.
        if len(self.waiting) < 4096:
            self.waiting.append(packet)
        self.flush()

    def flush(self):
        while self.waiting:
            try:
                self.end.send(self.waiting[0])
            except BlockingIOError:
                return
            self.waiting.popleft()


def hub(folder, chance):
    """Rules are by address; a packet suffers those of where it comes from and of where it goes."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"{folder}/hub")
    listener.listen(64)
    rules, late, number, said = {}, [], 0, sys.stdin.buffer
    wires, names = {}, {}
    print("ok", flush=True)
    while True:
        wait = max(0.0, late[0][0] - time.monotonic()) if late else None
        full = [wire.end for wire in wires.values() if wire.waiting]
        ready, free, _ = select.select([listener, said, *names], full, [], wait)
        for end in free:
            wires[names[end]].flush()
        for end in ready:
            if end is said:
                line = said.readline()
                if not line:
                    return
                for rule in json.loads(line):
                    rules[rule["at"]] = rule
                print("ok", flush=True)
            elif end is listener:
                wire = listener.accept()[0]
                address = wire.recv(64).decode()
                wires[address], names[wire] = Wires(wire), address
            else:
                for packet in received(end):
                    if packet is None:
                        wires.pop(names.pop(end), None)
                        break
                    # Of IPv4 alone: addresses stand at the same place in each.
                    if packet[0] >> 4 != 4:
                        continue
                    ends = [socket.inet_ntoa(packet[at : at + 4]) for at in (12, 16)]
                    of = [rules.get(one, {}) for one in ends]
                    if any(rule.get("cut") or chance.random() < rule.get("loss", 0.0) for rule in of):
                        continue
                    for _ in range(2 if any(chance.random() < rule.get("twice", 0.0) for rule in of) else 1):
                        delay = sum(rule.get("delay_ms", 0) + chance.random() * rule.get("jitter_ms", 0) for rule in of)
                        number += 1
                        heapq.heappush(late, (time.monotonic() + delay / 1000.0, number, ends[1], packet))
        while late and late[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(late)
            if to in wires:
                wires[to].send(packet)


def received(end):
    """What has come of packets; None where the other end is gone."""
    for _ in range(256):
        try:
            packet = end.recv(MTU + 64)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        yield packet or None
        if not packet:
            return


def wire(folder, address):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"wire0", IFF_TUN | IFF_NO_PI))
    for command in (
        "ip link set lo up",
        f"ip addr add {address}/24 dev wire0",
        f"ip link set wire0 up mtu {MTU}",
    ):
        subprocess.run(command.split(), check=True)
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end.connect(f"{folder}/hub")
    end.send(address.encode())
    out = Wires(end)
    print("ok", flush=True)
    while True:
        ready, free, _ = select.select([device, end], [end] if out.waiting else [], [])
        if free:
            out.flush()
        if device in ready:
            try:
                out.send(os.read(device, MTU))
            except BlockingIOError:
                pass
        if end in ready:
            for packet in received(end):
                if packet is None:
                    return
                try:
                    os.write(device, packet)
                except OSError:
                    # The device has no room: lost, as on any wire.
                    pass


if __name__ == "__main__":
    if sys.argv[1] == "hub":
        hub(sys.argv[2], random.Random(int(sys.argv[3])))
    else:
        wire(sys.argv[2], sys.argv[3])
