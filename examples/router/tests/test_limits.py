import pytest

from router import Limiter


def test_a_burst_is_let_through(limiter):
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 1]


def test_tokens_come_back(limiter, clock):
    for _ in range(3):
        limiter.take("a")
    clock.advance(0.5)
    assert limiter.take("a") == 0
    assert limiter.take("a") == 1


def test_never_more_than_the_burst(limiter, clock):
    limiter.take("a")
    clock.advance(3600)
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 1]


def test_clients_do_not_share(limiter):
    for _ in range(3):
        limiter.take("a")
    assert limiter.take("b") == 0


def test_idle_clients_are_forgotten(limiter, clock):
    limiter.take("a")
    clock.advance(0.25)
    limiter.take("b")
    clock.advance(0.25)
    assert limiter.forget_idle() == 1


@pytest.mark.parametrize("rate, burst", [(0, 1), (-1, 1), (1, 0)])
def test_limits_are_checked(rate, burst):
    with pytest.raises(ValueError):
        Limiter(rate, burst)
