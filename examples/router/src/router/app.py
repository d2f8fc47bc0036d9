"""Handlers, middleware and errors."""

from .table import MethodNotAllowed, NoRoute, Table


class Request:
    """What a handler is given."""

    def __init__(self, method, path, client="local", headers=None):
        self.method = method
        self.path = path
        self.client = client
        self.headers = dict(headers or {})


class Response:
    """What a handler gives."""

    def __init__(self, status, body="", headers=None):
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class App:
    """A service: routes, and middleware around them."""

    def __init__(self, limiter=None):
        self.table = Table()
        self._limiter = limiter
        self._middleware = []

    def route(self, method, pattern):
        """Registers a handler."""

        def register(handler):
            self.table.add(method, pattern, handler)
            return handler

        return register

    def get(self, pattern):
        """Registers a handler for GET."""
        return self.route("GET", pattern)

    def post(self, pattern):
        """Registers a handler for POST."""
        return self.route("POST", pattern)

    def middleware(self, wrapper):
        """Registers `wrapper(request, next)`; the first one registered is the outermost."""
        self._middleware.append(wrapper)
        return wrapper

    def handle(self, method, path, client="local", headers=None):
        """Answers one request."""
        request = Request(method, path, client, headers)
        call = self._dispatch
        for wrapper in reversed(self._middleware):
            call = _wrap(wrapper, call)
        return call(request)

    def _dispatch(self, request):
        if self._limiter is not None:
            wait = self._limiter.take(request.client)
            if wait > 0:
                return Response(429, "too many requests", {"Retry-After": str(wait)})
        try:
            handler, values = self.table.find(request.method, request.path)
        except MethodNotAllowed as error:
            return Response(405, "method not allowed", {"Allow": ", ".join(error.allowed)})
        except NoRoute:
            return Response(404, "not found")
        return handler(request, **values)


def _wrap(wrapper, call):
    return lambda request: wrapper(request, call)
