"""Token buckets, one for each client."""

import math
import time


class Limiter:
    """Lets a client through `rate` times a second, and `burst` times at once."""

    def __init__(self, rate, burst, clock=time.monotonic):
        if rate <= 0 or burst < 1:
            raise ValueError("the rate must be positive and the burst at least 1")
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._buckets = {}

    def take(self, client):
        """Takes a token: 0 when there was one, else the whole seconds to wait."""
        now = self._clock()
        tokens, since = self._buckets.get(client, (float(self.burst), now))
        tokens = min(float(self.burst), tokens + (now - since) * self.rate)
        if tokens >= 1:
            self._buckets[client] = (tokens - 1, now)
            return 0
        self._buckets[client] = (tokens, now)
        return math.ceil((1 - tokens) / self.rate)

    def forget_idle(self):
        """Drops clients whose bucket is full again; gives how many."""
        now = self._clock()
        full = [
            client
            for client, (tokens, since) in self._buckets.items()
            if tokens + (now - since) * self.rate >= self.burst
        ]
        for client in full:
            del self._buckets[client]
        return len(full)
