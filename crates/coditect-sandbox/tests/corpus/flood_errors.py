"""Prints without end to both outputs at once.

Escape: the host keeps more than the limit, or it is not ended.
Tiers: both
Ends: timeout
"""

import os

while True:
    os.write(1, b"x" * 65536)
    os.write(2, b"y" * 65536)
