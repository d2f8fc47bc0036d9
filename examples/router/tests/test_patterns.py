import pytest

from router import BadPattern, Pattern


@pytest.mark.parametrize(
    "pattern, path, expected",
    [
        ("/", "/", {}),
        ("/users", "/users", {}),
        ("/users", "/users/", {}),
        ("/users/{id:int}", "/users/42", {"id": 42}),
        ("/users/{name}", "/users/ada", {"name": "ada"}),
        ("/{a}/x/{b}", "/1/x/2", {"a": "1", "b": "2"}),
    ],
)
def test_match(pattern, path, expected):
    assert Pattern(pattern).match(path) == expected


@pytest.mark.parametrize(
    "path, rest",
    [
        ("/files/a.txt", "a.txt"),
        ("/files/docs/a.txt", "docs/a.txt"),
        ("/files/a/b/c/", "a/b/c"),
    ],
)
def test_a_rest_takes_everything_from_its_place_on(path, rest):
    assert Pattern("/files/{path:rest}").match(path) == {"path": rest}


@pytest.mark.parametrize(
    "pattern, path",
    [
        ("/users", "/user"),
        ("/users", "/users/1"),
        ("/users/{id:int}", "/users/ada"),
        ("/users/{id:int}", "/users"),
        ("/a/{b}/c", "/a//c"),
        ("/files/{path:rest}", "/files"),
    ],
)
def test_no_match(pattern, path):
    assert Pattern(pattern).match(path) is None


@pytest.mark.parametrize("text", ["/{id:uuid}", "/{a}/{a}", "/{p:rest}/x", "/{A}", "/x{a}"])
def test_bad_patterns(text):
    with pytest.raises(BadPattern):
        Pattern(text)


def test_a_path_starts_with_a_slash():
    with pytest.raises(ValueError):
        Pattern("/a").match("a")
