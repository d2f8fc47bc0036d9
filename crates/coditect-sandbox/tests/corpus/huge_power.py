"""Spends its time in the C code of big integers.

Escape: it is not ended at its limit.
Tiers: both
Ends: limit
"""

number = 7 ** (10 ** 8)
while True:
    number *= number
