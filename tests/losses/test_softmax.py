"""Softmax without bias."""

CASES = {"": {}}


def scores(head, cos, y, a, b):
    return [a * length * c for c, length in zip(cos, b, strict=True)]
