"""Experiments: what the book's chapters train, compare and record, with the rooms that anybody trains with."""

from cosface_edu.extras import need

need(__name__)
