"""The SQLite file: its tables, and one connection for each thread."""

import contextlib
import sqlite3
import threading

SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    name TEXT PRIMARY KEY,
    stock INTEGER NOT NULL CHECK (stock >= 0),
    reorder_level INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS reservation (
    id INTEGER PRIMARY KEY,
    item TEXT NOT NULL REFERENCES item (name),
    customer TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0)
);
"""


class Store:
    """A file, and a connection to it for each thread that asks."""

    def __init__(self, path):
        self.path = str(path)
        self._local = threading.local()
        self._all = []
        self._lock = threading.Lock()
        self.connection().executescript(SCHEMA)

    def connection(self):
        """This thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path, timeout=30, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
            with self._lock:
                self._all.append(connection)
        return connection

    @contextlib.contextmanager
    def change(self):
        """A transaction that nobody else's can come between."""
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self):
        """Closes every thread's connection."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
