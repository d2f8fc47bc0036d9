import pytest
from calc import add


@pytest.mark.parametrize("a, b", [(1, 2), (2, 1)])
def test_add(a, b, three):
    assert add(a, b) == three


def test_wrong(monkeypatch, capsys):
    monkeypatch.setenv("REHEARSAL", "1")
    print("out")
    assert add(1, 1) == 3


def test_raises():
    with pytest.raises(TypeError):
        add(1, "a")
    add({}, [])


class TestAdd:
    def test_method(self):
        assert add("a", "b") == "ab"
