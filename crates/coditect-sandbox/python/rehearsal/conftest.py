import pytest


@pytest.fixture
def three():
    yield 3
