"""`python -m cosface_edu` is `cosface-edu`."""

import sys

from cosface_edu.extras import MissingPackages


def main() -> None:
    """The command line, or one line that says what it lacks."""
    try:
        from cosface_edu.cli import app
    except MissingPackages as error:
        sys.exit(f"error: {error}")
    app()


if __name__ == "__main__":
    main()
