"""Writes to the interpreter and its library, which later runs share.

Escape: the line ESCAPED.
Tiers: both
"""

import json
import os
import sys

for path in [sys.executable, json.__file__, os.path.join(os.path.dirname(json.__file__), "escape.py"),
             os.path.join(sys.prefix, "escape"), "/pylib/escape.py", "/runner/runner.py"]:
    try:
        open(path or "/x", "ab").write(b"")
        print("ESCAPED", path)
    except OSError as error:
        print(error)
