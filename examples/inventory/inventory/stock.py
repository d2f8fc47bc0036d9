"""Items, reservations and sales. See docs/rules.md."""


class UnknownItem(KeyError):
    """An item that was never added."""

    def __str__(self):
        return "no item is named {!r}".format(self.args[0])


class NotEnough(Exception):
    """More was asked for than is free."""

    def __init__(self, item, asked, free):
        super().__init__("{} {} asked for, {} free".format(asked, item, free))
        self.free = free


def _check(quantity):
    if quantity <= 0:
        raise ValueError("a quantity is at least 1, not {}".format(quantity))


class Stock:
    """What is on the shelf and to whom it is promised."""

    def __init__(self, store):
        self._store = store

    def add(self, item, quantity, reorder_level=None):
        """Puts pieces on the shelf."""
        _check(quantity)
        with self._store.change() as db:
            db.execute("INSERT OR IGNORE INTO item (name, stock) VALUES (?, 0)", (item,))
            db.execute("UPDATE item SET stock = stock + ? WHERE name = ?", (quantity, item))
            if reorder_level is not None:
                db.execute("UPDATE item SET reorder_level = ? WHERE name = ?", (reorder_level, item))

    def reserve(self, item, quantity, customer):
        """Promises pieces to a customer; gives the reservation's number."""
        _check(quantity)
        with self._store.change() as db:
            stock, reserved = _levels(db, item)
            free = stock - reserved
            if quantity >= free:
                raise NotEnough(item, quantity, free)
            cursor = db.execute(
                "INSERT INTO reservation (item, customer, quantity) VALUES (?, ?, ?)",
                (item, customer, quantity),
            )
            return cursor.lastrowid

    def cancel(self, number):
        """Takes a promise back; True if there was one."""
        with self._store.change() as db:
            return db.execute("DELETE FROM reservation WHERE id = ?", (number,)).rowcount == 1

    def sell(self, number):
        """Hands over what was reserved; gives the item and the quantity."""
        with self._store.change() as db:
            row = db.execute(
                "SELECT item, quantity FROM reservation WHERE id = ?", (number,)
            ).fetchone()
            if row is None:
                raise KeyError("no reservation has number {}".format(number))
            item, quantity = row
            db.execute("DELETE FROM reservation WHERE id = ?", (number,))
            db.execute("UPDATE item SET stock = stock - ? WHERE name = ?", (quantity, item))
            return item, quantity

    def levels(self, item):
        """Pieces in stock and pieces reserved."""
        return _levels(self._store.connection(), item)

    def free(self, item):
        """Pieces that can still be promised."""
        stock, reserved = self.levels(item)
        return stock - reserved


def _levels(db, item):
    row = db.execute("SELECT stock FROM item WHERE name = ?", (item,)).fetchone()
    if row is None:
        raise UnknownItem(item)
    (reserved,) = db.execute(
        "SELECT COALESCE(SUM(quantity), 0) FROM reservation WHERE item = ?", (item,)
    ).fetchone()
    return row[0], reserved
