import pytest

from router import App, Limiter, Response


@pytest.mark.parametrize(
    "path, body",
    [
        ("/", "home"),
        ("/users/7", "user 7"),
        ("/users/me", "me"),
        ("/users/ada", "named ada"),
        ("/files/img/logo.png", "file img/logo.png"),
    ],
)
def test_get(app, path, body):
    response = app.handle("GET", path)
    assert (response.status, response.body) == (200, body)


def test_errors(app):
    assert app.handle("GET", "/nowhere").status == 404
    refused = app.handle("DELETE", "/users/me")
    assert refused.status == 405
    assert refused.headers["Allow"] == "GET"


def test_rate(clock):
    app = App(Limiter(rate=1, burst=1, clock=clock))
    app.get("/")(lambda request: Response(200))
    assert app.handle("GET", "/", client="a").status == 200
    refused = app.handle("GET", "/", client="a")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    clock.advance(1)
    assert app.handle("GET", "/", client="a").status == 200


def test_middleware_runs_from_the_outside_in(app):
    seen = []

    @app.middleware
    def outer(request, call):
        seen.append("outer")
        response = call(request)
        response.headers["X-Outer"] = "1"
        return response

    @app.middleware
    def inner(request, call):
        seen.append("inner")
        return call(request)

    assert app.handle("GET", "/").headers == {"X-Outer": "1"}
    assert seen == ["outer", "inner"]
