"""Steps of `build.sh` that a shell cannot do well."""

import os
import shutil
import subprocess
import sys

# Folders and files of the standard library that no program in this interpreter can use.
UNUSABLE = (
    "test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py", "ensurepip", "venv", "pydoc_data", "curses",
    "ctypes", "lib2to3", "multiprocessing", "dbm", "_pyrepl", "site-packages", "__phello__", "__hello__.py", "this.py",
    "antigravity.py", "_osx_support.py", "_aix_support.py", "_ios_support.py", "_android_support.py",
    "_apple_support.py", "pty.py", "tty.py", "webbrowser.py", "bz2.py", "lzma.py", "ftplib.py", "imaplib.py",
    "poplib.py", "smtplib.py", "windows_events.py", "windows_utils.py", "proactor_events.py",
)
# Of these only the head is missing in the interpreter, and their import error names it.
KEPT = ("ctypes/__init__.py", "multiprocessing/__init__.py", "multiprocessing/context.py",
        "multiprocessing/process.py", "multiprocessing/reduction.py", "curses/__init__.py", "bz2.py", "lzma.py",
        "smtplib.py", "ftplib.py", "imaplib.py", "poplib.py", "tty.py", "pty.py", "webbrowser.py", "dbm/__init__.py",
        "dbm/dumb.py", "dbm/sqlite3.py")


def trim(site):
    """Leaves of pygments what pytest imports, and of the metadata what `importlib.metadata` reads."""
    for name in os.listdir(site):
        if name.endswith(".dist-info"):
            for file in os.listdir(os.path.join(site, name)):
                if file not in ("METADATA", "entry_points.txt"):
                    path = os.path.join(site, name, file)
                    shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    shutil.rmtree(os.path.join(site, "bin"), ignore_errors=True)
    wanted = {"lexers": ("__init__.py", "_mapping.py", "python.py", "diff.py"),
              "formatters": ("__init__.py", "_mapping.py", "terminal.py"),
              "styles": ("__init__.py", "_mapping.py", "default.py"), "filters": ("__init__.py",)}
    for folder, keep in wanted.items():
        base = os.path.join(site, "pygments", folder)
        for name in os.listdir(base):
            if name not in keep:
                path = os.path.join(base, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def leb(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def to_leb(value):
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def stripped(data):
    """A module or component without custom sections (names, debug info, producers), nested ones included."""
    component = data[4:8] == b"\x0d\x00\x01\x00"
    out, at = bytearray(data[:8]), 8
    while at < len(data):
        kind = data[at]
        size, body = leb(data, at + 1)
        section = data[body: body + size]
        at = body + size
        if kind == 0:
            continue
        if component and kind in (1, 4):  # a core module, a component
            section = stripped(section)
        out += bytes([kind]) + to_leb(len(section)) + section
    return bytes(out)


def strip(source, target):
    with open(source, "rb") as file:
        data = file.read()
    result = stripped(data)
    with open(target, "wb") as file:
        file.write(result)
    print("stripped %d -> %d" % (len(data), len(result)))


def stdlib(package, target):
    """Takes the interpreter's own standard library out of componentize-py, which carries it as a compressed tar."""
    os.makedirs(target)
    with open(os.path.join(package, "componentize_py.abi3.so"), "rb") as file:
        data = file.read()
    found, at = None, data.find(b"\x28\xb5\x2f\xfd")
    while at >= 0:
        unpacked = subprocess.run(["zstd", "-dcq"], input=data[at: at + (32 << 20)], capture_output=True).stdout
        if unpacked[257:262] == b"ustar" and b"asyncio/base_events.py" in unpacked:
            # The last that has it starts with it: zstd also unpacks the frames that follow the first.
            found = unpacked
        at = data.find(b"\x28\xb5\x2f\xfd", at + 1)
    if found is None:
        sys.exit("componentize-py has no standard library inside")
    subprocess.run(["tar", "xf", "-", "-C", target], input=found, check=True)


def pack(target, folders):
    """Writes files one after the other, each behind a line with its path and length, sorted by path."""
    with open(target, "wb") as out:
        for folder in folders:
            prefix, base = folder.split("=", 1)
            paths = []
            for where, _, names in os.walk(base):
                paths += [os.path.relpath(os.path.join(where, name), base) for name in names]
            for path in sorted(paths):
                parts = path.split(os.sep)
                keep = path in KEPT or not any(part in UNUSABLE for part in parts)
                if not keep or not (path.endswith((".py", ".txt", "METADATA")) or ".dist-info" in path):
                    continue
                with open(os.path.join(base, path), "rb") as file:
                    data = file.read()
                out.write(("%s/%s\t%d\n" % (prefix, "/".join(parts), len(data))).encode() + data)


def lock(args):
    """Prints pins and hashes: the kept artefacts belong to these sources."""
    import blake3

    middle = args.index("--")
    for pin in args[:middle]:
        print("pin " + pin)
    for name in args[middle + 1:]:
        with open(name, "rb") as file:
            print("blake3 %s %s" % (blake3.blake3(file.read()).hexdigest(), name))


if __name__ == "__main__":
    command, *args = sys.argv[1:]
    if command == "trim":
        trim(*args)
    elif command == "strip":
        strip(*args)
    elif command == "stdlib":
        stdlib(*args)
    elif command == "lock":
        lock(args)
    else:
        pack(args[0], args[1:])
