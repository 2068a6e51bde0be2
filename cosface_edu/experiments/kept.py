"""Models that several chapters look at: trained once with the loop that trains everything, then kept.

A model is kept under the hash of its configuration and of the code that made it, in the cache folder of the toys; a
change in either trains it anew. A training that was interrupted goes on where it stopped.
"""

import torch
from torch import nn

from cosface_edu.data import Faces
from cosface_edu.experiments import cache
from cosface_edu.training import Config, preset, train

#: A short rehearsal: small enough for a page of the book, good enough to have errors worth looking at.
SHORT = preset("rehearsal").replace(
    identities=120, per_identity=14, steps=300, batch=96, held_out=0, save_every=100, log_every=100
)


def trained(config: Config = SHORT, faces: Faces | None = None, name: str = "") -> nn.Module:
    """The network that a configuration trains, from the cache if this code trained it before.

    Args:
        config: of the run.
        faces: data set to use instead of opening `config.data`.
        name: what tells `faces` from other data sets with the same configuration.

    Returns:
        The network in evaluation mode, on the device that it was trained on.
    """
    key = cache.key(__name__, config=config.to_dict(), name=name)
    try:
        folder = cache.folder() / "kept" / key
    except OSError:  # there is no folder of one's own: it is trained anew each time
        folder = None
    with cache.lock(key), torch.random.fork_rng():  # the page's own seed stays as it was
        return train(config, folder, resume=True, faces=faces, say=lambda line: None).network
