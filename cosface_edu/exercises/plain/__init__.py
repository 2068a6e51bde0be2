"""Checks that need the standard library alone: they run in a notebook and, unchanged, in the built pages.

A module here imports nothing but the standard library and its neighbours in `cosface_edu.exercises`; what it compares
an answer with comes from `truth`, which the tests hold to the package's own losses and geometry.
"""
