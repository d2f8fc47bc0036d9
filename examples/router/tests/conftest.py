import pytest

from router import App, Limiter, Response


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limiter(clock):
    return Limiter(rate=2, burst=3, clock=clock)


@pytest.fixture
def app():
    service = App()

    @service.get("/")
    def home(request):
        return Response(200, "home")

    @service.get("/users/{id:int}")
    def user(request, id):
        return Response(200, "user %d" % id)

    @service.get("/users/me")
    def me(request):
        return Response(200, "me")

    @service.get("/users/{name}")
    def named(request, name):
        return Response(200, "named " + name)

    @service.post("/users")
    def create(request):
        return Response(201, "created")

    @service.get("/files/{path:rest}")
    def files(request, path):
        return Response(200, "file " + path)

    return service
