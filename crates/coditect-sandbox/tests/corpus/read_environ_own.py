"""Looks for a secret in its own environment.

Escape: the secret is printed, or the line ESCAPED.
Tiers: both
"""

import os

print(dict(os.environ))
