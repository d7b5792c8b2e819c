"""What 'no reading' is: NaN on the wire and in the views, NULL in ClickHouse, null in JSON.

Nullable unions would double the cost of decoding; a NaN is eight bytes in a run of fixed-width numbers.
"""

NAN = float("nan")


def known(value: float) -> bool:
    """Return whether there is a reading. NaN is the one value that differs from itself."""
    return value == value
