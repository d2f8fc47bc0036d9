"""Numbers in Roman letters."""


def to_roman(number):
    """The number, 1 to 3999, in Roman letters."""
    raise NotImplementedError  # TODO
