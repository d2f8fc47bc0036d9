"""Patterns such as `/users/{id:int}/files/{path:rest}`."""

import re

_PARAMETER = re.compile(r"^\{(?P<name>[a-z_][a-z0-9_]*)(?::(?P<kind>[a-z]+))?\}$")

# The smaller, the more exact: the order in which routes are preferred.
FIXED, INT, TEXT, REST = range(4)
_KINDS = {None: TEXT, "text": TEXT, "int": INT, "rest": REST}


class BadPattern(ValueError):
    """A pattern that cannot be understood."""


def split(path):
    """The parts of a path; empty parts at the end do not count."""
    if not path.startswith("/"):
        raise ValueError("a path starts with a slash: {!r}".format(path))
    return path.rstrip("/").split("/")[1:]


class Pattern:
    """A pattern, taken apart."""

    def __init__(self, text):
        self.text = text
        self.parts = []
        names = set()
        for part in split(text):
            kind, value = self._parse(part)
            if self.parts and self.parts[-1][0] == REST:
                raise BadPattern("nothing can follow a rest: {!r}".format(text))
            if kind != FIXED:
                if value in names:
                    raise BadPattern("{!r} is named twice in {!r}".format(value, text))
                names.add(value)
            self.parts.append((kind, value))

    @staticmethod
    def _parse(part):
        if "{" not in part and "}" not in part:
            return FIXED, part
        match = _PARAMETER.match(part)
        if match is None or match.group("kind") not in _KINDS:
            raise BadPattern("not a parameter: {!r}".format(part))
        return _KINDS[match.group("kind")], match.group("name")

    @property
    def rank(self):
        """Sorts patterns, the more exact one first."""
        return tuple(kind for kind, _ in self.parts)

    def match(self, path):
        """The parameters for a path, or None."""
        given = split(path)
        values = {}
        for index, (kind, value) in enumerate(self.parts):
            if index >= len(given):
                return None
            part = given[index]
            if kind == REST:
                values[value] = "/".join(given[index + 1:])
                return values
            if kind == FIXED:
                if part != value:
                    return None
            elif kind == INT:
                if not part.isdigit():
                    return None
                values[value] = int(part)
            elif part == "":
                return None
            else:
                values[value] = part
        return values if len(given) == len(self.parts) else None

    def __repr__(self):
        return "Pattern({!r})".format(self.text)
