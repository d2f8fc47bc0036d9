"""Routes and the choice between them."""

from .patterns import Pattern


class NoRoute(LookupError):
    """No route matches the path under any method."""


class MethodNotAllowed(LookupError):
    """The path is known, the method is not; `allowed` has those that are."""

    def __init__(self, allowed):
        super().__init__("allowed: " + ", ".join(allowed))
        self.allowed = allowed


class Table:
    """All routes of a service."""

    def __init__(self):
        self._routes = []

    def add(self, method, text, handler):
        """Adds a route; the same method and shape twice is refused."""
        pattern = Pattern(text)
        shape = _shape(pattern)
        for other_method, other, _ in self._routes:
            if other_method == method and _shape(other) == shape:
                raise ValueError("{} {} is taken by {}".format(method, text, other.text))
        self._routes.append((method, pattern, handler))
        self._routes.sort(key=lambda route: route[1].rank)

    def find(self, method, path):
        """The handler for a request and the parameters in its path."""
        allowed = set()
        for route_method, pattern, handler in self._routes:
            values = pattern.match(path)
            if values is None:
                continue
            if route_method == method:
                return handler, values
            allowed.add(route_method)
        if allowed:
            raise MethodNotAllowed(sorted(allowed))
        raise NoRoute(path)

    def __len__(self):
        return len(self._routes)


def _shape(pattern):
    return tuple((kind, value if kind == 0 else None) for kind, value in pattern.parts)
