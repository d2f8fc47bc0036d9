"""Spends its time in the C code of a regular expression.

Escape: it is not ended at its limit.
Tiers: both
Ends: timeout
"""

import re

re.match(r"(a+)+$", "a" * 64 + "b")
