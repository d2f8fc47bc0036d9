"""Breaks the interpreter itself.

Escape: the host is taken down.
Tiers: both
Ends: any
"""

import ctypes

ctypes.string_at(0)
