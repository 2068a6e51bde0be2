"""A-Softmax at a fixed scale."""

from test_asoftmax import scores  # noqa: F401

CASES = {"": {"s": 5.0, "m": 3}}
