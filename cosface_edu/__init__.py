"""CosFace and its family, taught by doing: losses, geometry, faces, networks, training, evaluation, figures."""

__version__ = "0.1.0"
