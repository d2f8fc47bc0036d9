"""Makes system calls by the 32-bit interface, whose numbers are others.

Escape: the line ESCAPED.
Tiers: os
"""

import ctypes
import mmap
import os

child = os.fork()
if child == 0:
    # mov eax, 310 (unshare); mov ebx, 0x10000000 (a user namespace); int 0x80; ret, with rbx kept.
    code = bytes.fromhex("53b836010000bb00000010cd805bc3")
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    got = function()
    print("ESCAPED" if got == 0 else "refused", got, flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1])
