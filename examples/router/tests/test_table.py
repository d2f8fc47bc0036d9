import pytest

from router import MethodNotAllowed, NoRoute, Table


@pytest.fixture
def table():
    routes = Table()
    routes.add("GET", "/{page}", "page")
    routes.add("GET", "/about", "about")
    routes.add("GET", "/{year:int}", "year")
    routes.add("GET", "/{path:rest}", "rest")
    routes.add("POST", "/about", "post about")
    return routes


@pytest.mark.parametrize(
    "path, handler",
    [("/about", "about"), ("/2024", "year"), ("/news", "page"), ("/news/today", "rest")],
)
def test_the_most_exact_route_wins(table, path, handler):
    assert table.find("GET", path)[0] == handler


def test_other_methods_are_named(table):
    with pytest.raises(MethodNotAllowed) as caught:
        table.find("DELETE", "/about")
    assert caught.value.allowed == ["GET", "POST"]


def test_nothing_matches():
    with pytest.raises(NoRoute):
        Table().find("GET", "/")


def test_the_same_route_twice_is_refused(table):
    with pytest.raises(ValueError, match="taken by"):
        table.add("GET", "/{other}", "again")
    assert len(table) == 5
