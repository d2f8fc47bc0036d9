"""Makes as many files and directories in the layer as it can.

Escape: the line ESCAPED.
Tiers: overlay
Ends: any
"""

import os

try:
    for number in range(1_000_000):
        os.mkdir("d%d" % number)
    print("ESCAPED", number)
except OSError as error:
    print(number, error)
