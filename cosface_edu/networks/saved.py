"""What `torch.save` wrote, read without running anything, and only whole: PyTorch itself does not look at the sums."""

import os
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from cosface_edu.files import lies_in_place_of


def read(path: str | os.PathLike[str]) -> Any:
    """What a file holds, on the CPU: tensors and plain values, never pickled code.

    Args:
        path: a file of `torch.save`, whatever its suffix.

    Returns:
        What was saved.

    Raises:
        FileNotFoundError: no such file.
        OSError: it cannot be opened.
        ValueError: it is damaged, if by a single bit, or holds code.
    """
    path = Path(path)
    if not path.is_file():  # a pipe would be waited for
        raise FileNotFoundError(f"{path}: no such file")
    with path.open("rb"):  # what the system says about a file that may not be read is plain enough
        pass
    try:
        if zipfile.is_zipfile(path):
            _check_sums(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: damaged ({error}): copy or download it again, or take an earlier one") from error
    except Exception as error:  # whatever an altered byte makes the unpickler stumble over
        raise ValueError(f"{path}: damaged, or holds code, which is not run ({_why_unread(path, error)})") from error


def _check_sums(path: Path) -> None:
    """Refuse an archive in which something has changed since it was written.

    Raises:
        zipfile.BadZipFile: an entry has not the CRC-32 that is written beside it.
    """
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.CRC:  # there is none where `torch.serialization.set_crc32_options` said so
                with archive.open(entry) as content:
                    while content.read(1 << 20):
                        pass


def _why_unread(path: Path, error: Exception) -> str:
    """A clause on why `torch.load` with `weights_only` failed; its own message advises to run what is in the file."""
    if (other := lies_in_place_of(path)) is not None:
        return other
    if named := re.search(r"GLOBAL (\S+)", str(error)):
        return f"it names {named[1]}; wanted is what torch.save(network.state_dict(), …) writes"
    told = str(error).rpartition("WeightsUnpickler error:")[2].strip()
    return next(iter(told.splitlines()), type(error).__name__)
