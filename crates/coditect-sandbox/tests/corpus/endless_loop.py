"""Loops without end.

Escape: it is not ended at its limit.
Tiers: both
Ends: timeout
"""

while True:
    pass
