"""Swallows everything that could end it.

Escape: it is not ended at its limit.
Tiers: both
Ends: timeout
"""

def forever():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


forever()
