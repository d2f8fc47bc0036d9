"""Numbers in words."""


def say(number):
    """The number, 0 to 999,999,999,999, in English words."""
    pass  # TODO


def number(words):
    """The number that these words say."""
    pass  # TODO
