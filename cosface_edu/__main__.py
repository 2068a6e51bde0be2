"""`python -m cosface_edu`: the command line where a console script cannot be named, as under torchrun."""

from cosface_edu.cli import app

app()
