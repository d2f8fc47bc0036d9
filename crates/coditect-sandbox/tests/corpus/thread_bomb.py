"""Starts threads without end.

Escape: the machine is out of threads.
Tiers: both
"""

import threading
import time

threads = []
try:
    while True:
        thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)
        thread.start()
        threads.append(thread)
except (RuntimeError, MemoryError) as error:
    print(len(threads), error)
if len(threads) > 5000:
    print("ESCAPED")
