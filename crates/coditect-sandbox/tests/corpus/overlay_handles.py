"""Opens files by handles, which do not pass through the layers.

Escape: the line ESCAPED.
Tiers: overlay
"""

import ctypes

LIBC = ctypes.CDLL(None, use_errno=True)


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("kind", ctypes.c_int), ("handle", ctypes.c_ubyte * 128)]


handle, mount = Handle(bytes=128), ctypes.c_int()
got = LIBC.name_to_handle_at(-100, b"/project/planted.json", ctypes.byref(handle), ctypes.byref(mount), 0)
print(got, ctypes.get_errno())
for kind, number in [(1, 2), (1, 128), (2, 2)]:
    handle.bytes, handle.kind = 8, kind
    handle.handle[0] = number
    if LIBC.open_by_handle_at(-100, ctypes.byref(handle), 0) >= 0:
        print("ESCAPED", kind, number)
