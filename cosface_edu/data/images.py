"""One picture: bytes to pixels, pixels to a tensor, a tensor to what the networks eat.

Decoding is what a data loader spends its time on, so JPEG goes through libjpeg-turbo (`simplejpeg`), which the
benchmark puts ahead of torchvision and Pillow; everything else, PNG or a CMYK photograph, goes through Pillow.

Pixels come upright: a phone stores them as its sensor lay and notes in the metadata how they are to be turned.
"""

import io
import os
import re
import struct
import threading
import warnings
from pathlib import Path

import numpy as np
import simplejpeg
import torch
import torch.nn.functional as F
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError
from torch import Tensor

from cosface_edu.files import in_its_place

Image.init()
# Formats that Pillow knows and that are left alone: PostScript is a program and drawings of Windows are too, others
# are names without a decoder behind them.
_LEFT_ALONE = frozenset(("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"))
_FORMATS = tuple(kind for kind in Image.OPEN if kind not in _LEFT_ALONE)
#: Names of files that are taken for pictures end so, in any case: what Pillow reads, with the plugins it has here.
IMAGE_SUFFIXES = (".mpo", *sorted(end for end, kind in Image.registered_extensions().items() if kind in _FORMATS))

# A forged header may announce 65,535 × 65,535 pixels: 12 GB before a single byte of picture is read. Telephones make
# 200 megapixels, but not in a few kilobytes: a plain grey JPEG has more than a hundredth of a byte a pixel.
MAX_PIXELS = 256 * 1024 * 1024
SMALL_ENOUGH = 64 * 1024 * 1024
PIXELS_A_BYTE = 1000
MAX_BYTES = 1 << 30  # of a picture's file: a sparse one may announce terabytes, one of the system's may never end
AT_A_TIME = 1 << 20  # samples of more than eight bits that are brought to bytes: in floats they take eight bytes each

# What libjpeg says when pixels are lost. About the rest of its warnings (an odd revision number, bytes between two
# segments, a camera's nonsense in the scan's parameters) Pillow is asked: it decodes these and refuses what is cut.
_DAMAGE = re.compile(r"premature end of data segment|bad Huffman|bad arithmetic|instead of RST", re.IGNORECASE)
_SEGMENT = struct.Struct(">BBH")
_FRAME = struct.Struct(">HHB")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # segments that say how many pixels there are
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
# Each scan of a progressive JPEG goes over the whole picture, and a few bytes are enough for one. Encoders make some
# ten, those that try how to save bytes some dozen.
MAX_SCANS = 200
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a length after them
_MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd7\xff])")  # others, also among pixels, where \0 follows a plain 255
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"  # how segments of metadata begin
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PNG = b"\x89PNG\r\n\x1a\n"
# The pieces of a PNG that its first picture needs. Pillow refuses the whole for notes of more than a megabyte, as
# programs that make or edit pictures leave them, or for a damaged one.
_PIECES = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
_PIECE = struct.Struct(">I4s")
_opening = threading.Lock()

#: Bytes that are left free before rows that a JPEG is decoded to, in memory that begins at a multiple of 16. Rows that
#: themselves begin at a multiple of 16 or 32 libjpeg-turbo writes past the processor's cache; for crops of faces that
#: takes an eighth more time, and reading them afterwards as much again.
BEFORE_ROWS = 8


class BrokenImage(ValueError):
    """A picture that cannot be had, because its file cannot be read or decoded; the message names it.

    Example:
        >>> from pathlib import Path
        >>> from cosface_edu.data import read_image
        >>> _ = Path("1.png").write_bytes(b"no picture")
        >>> read_image("1.png")
        Traceback (most recent call last):
            ...
        cosface_edu.data.images.BrokenImage: 1.png: cannot be decoded (10 bytes): it is cut short, or in ...
    """


class MissingImage(BrokenImage, FileNotFoundError):
    """No such file, or a link that leads nowhere.

    Example:
        >>> from cosface_edu.data import read_image
        >>> read_image("nobody.png")
        Traceback (most recent call last):
            ...
        cosface_edu.data.images.MissingImage: nobody.png: no such file; fetch it again or remove it
    """


def normalise(images: Tensor) -> Tensor:
    """Map images in [0, 1] to the range the networks are trained on: (255·x − 127.5) / 128.

    Args:
        images: RGB, any shape, values in [0, 1]; or bytes, as `read_image` gives them.

    Returns:
        The same shape, values in [−0.996, 0.996]. The divisor is 128, as in SphereFace and CosFace, not 127.5.

    Raises:
        ValueError: for other whole numbers: nothing says what range they are of.

    Example:
        >>> import torch
        >>> from cosface_edu.data import normalise
        >>> normalise(torch.tensor([0.0, 0.5, 1.0])).tolist()
        [-0.99609375, 0.0, 0.99609375]
    """
    if images.dtype == torch.uint8:
        images = to_float(images)
    elif not images.is_floating_point():
        raise ValueError(f"images must be floats in [0, 1], or bytes (uint8); got {images.dtype}")
    return (255.0 * images - 127.5) / 128.0


def to_float(pixels: Tensor) -> Tensor:
    """Bytes 0..255 to floats in [0, 1], the form in which every data set hands out its images.

    Args:
        pixels: bytes, any shape.

    Returns:
        float32 of the same shape.

    Example:
        >>> import torch
        >>> from cosface_edu.data import to_float
        >>> to_float(torch.tensor([0, 51, 255], dtype=torch.uint8))
        tensor([0.0000, 0.2000, 1.0000])
    """
    return pixels.to(torch.float32).div_(255.0)


def to_bytes(images: Tensor) -> Tensor:
    """Floats in [0, 1] to bytes, rounded to the nearest.

    Args:
        images: floats, any shape; what lies outside [0, 1] is held to it.

    Returns:
        uint8 of the same shape.

    Example:
        >>> import torch
        >>> from cosface_edu.data import to_bytes
        >>> to_bytes(torch.tensor([0.0, 0.2, 1.0]))
        tensor([  0,  51, 255], dtype=torch.uint8)
    """
    return (images.clamp(0.0, 1.0) * 255.0).round_().to(torch.uint8)


def decode(data: bytes | memoryview, name: str = "image") -> Tensor:
    """Decode one picture to RGB bytes, upright.

    Grey, palette, CMYK, 16-bit and transparent pictures become RGB; of several frames the first is taken. A picture
    cut short is broken, not half grey; one about whose metadata or padding a decoder merely grumbles is whole. Samples
    of 12 bits are scaled to bytes where a TIFF says that it has 12; where they lie in 16 and no more is said, they come
    out dark.

    Args:
        data: the file's content.
        name: what to call it in the error.

    Returns:
        (3, H, W) uint8, laid out as the decoder left it (H, W, 3 in memory) unless it had to be turned.

    Raises:
        BrokenImage: nothing there, not a picture, cut short, or of more than `MAX_PIXELS`.

    Example:
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> from cosface_edu.data import decode
        >>> file = BytesIO()
        >>> Image.new("L", (96, 112), 128).save(file, "PNG")  # grey becomes RGB
        >>> decode(file.getvalue()).shape
        torch.Size([3, 112, 96])
    """
    return decode_reduced(data, 0, name)[0]


def decode_reduced(data: bytes | memoryview, side: int, name: str = "image") -> tuple[Tensor, tuple[int, int]]:
    """Decode a picture at a lower resolution, which for a JPEG of many megapixels costs a fraction of the memory.

    Args:
        data: the file's content.
        side: neither height nor width is reduced below this; 0 for the whole resolution.
        name: what to call it in the error.

    Returns:
        The picture as `decode` gives it but for its size, and the (height, width) that `decode` would give.

    Raises:
        BrokenImage: as `decode`.
    """
    pixels, whole = _pixels(data, side, name)
    return _planes(pixels), whole


def decode_into(data: bytes | memoryview, rows: np.ndarray, name: str = "image") -> None:
    """Decode one picture into memory, at the size that the memory has: `fit(decode(data), size)` without a copy.

    A JPEG of that size, as the crops in a .rec are, is decoded where it belongs.

    Args:
        data: the file's content.
        rows: (H, W, 3) uint8, in one piece, best with `BEFORE_ROWS` before it. What is in it after an error is
            undefined.
        name: what to call it in the error.

    Raises:
        BrokenImage: as `decode`.
    """
    pixels, _ = _pixels(data, 0, name, rows)
    if pixels is rows:
        return
    top, left, height, width = _crop(pixels.shape[0], pixels.shape[1], rows.shape[:2])
    if (height, width) == rows.shape[:2]:  # torch would take longer to say so than this takes
        rows[:] = pixels[top : top + height, left : left + width]
    else:
        rows[:] = fit(_planes(pixels), rows.shape[:2]).permute(1, 2, 0).numpy()


def _pixels(
    data: bytes | memoryview, side: int, name: str, rows: np.ndarray | None = None
) -> tuple[np.ndarray, tuple[int, int]]:
    """Pixels (H, W, 3) and the whole picture's (height, width); the pixels are `rows` if they could be put there."""
    if len(data) == 0:
        raise BrokenImage(f"{name}: empty, 0 bytes; fetch it again or remove it")
    try:
        return _decode_jpeg(data, side, rows) if data[0] == 0xFF else _decode_other(data, side)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plugins let out whatever damaged bytes make them stumble over
        unknown = (
            "it is cut short, or in no format that is read here" if isinstance(error, UnidentifiedImageError) else error
        )
        reason = in_its_place(bytes(data[:256])) or unknown
        raise BrokenImage(f"{name}: cannot be decoded ({len(data)} bytes): {reason}") from error


def _planes(pixels: np.ndarray) -> Tensor:
    """(H, W, 3) -> (3, H, W), a view."""
    return torch.from_numpy(pixels.transpose(2, 0, 1))


def _decode_jpeg(data: bytes | memoryview, side: int, rows: np.ndarray | None) -> tuple[np.ndarray, tuple[int, int]]:
    orientation, frame = _jpeg_segments(data)
    turn = _TURNS.get(orientation)
    try:
        if (
            rows is not None
            and frame == rows.shape[:2]
            and turn is None
            and simplejpeg.decode_jpeg(data, buffer=rows).shape == rows.shape  # reads the header itself
        ):
            return rows, (rows.shape[0], rows.shape[1])
        height, width, colourspace, _ = simplejpeg.decode_jpeg_header(data)
        _check_size(width, height, len(data))
        if colourspace in ("CMYK", "YCCK"):  # libjpeg-turbo does not turn these into RGB
            return _decode_other(data, side)
        # the smallest of libjpeg's own scales, n/8, that leaves both sides as long; never an enlargement
        least = side if side < min(height, width) else 0
        room = None if least else np.empty(BEFORE_ROWS + height * width * 3, np.uint8)[BEFORE_ROWS:]
        pixels = simplejpeg.decode_jpeg(data, min_height=least, min_width=least, buffer=room)
    except ValueError as error:
        if _DAMAGE.search(str(error)):
            raise
        return _decode_other(data, side)
    return _turned(pixels, turn), _turned_size((height, width), turn)


def _decode_other(data: bytes | memoryview, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    try:
        return _decode_by_pillow(data, side)
    except MemoryError:
        raise
    except Exception:
        if data[: len(_PNG)] != _PNG:
            raise
        return _decode_by_pillow(_without_notes(data), side)


def _without_notes(png: bytes | memoryview) -> bytes:
    """A PNG's picture alone; what is damaged or cut short in it stays so."""
    kept, place = [_PNG], len(_PNG)
    while place + _PIECE.size <= len(png):
        length, kind = _PIECE.unpack_from(png, place)
        end = place + _PIECE.size + length + 4  # a checksum
        if kind in _PIECES:
            kept.append(bytes(png[place:end]))
        place = end
    return b"".join(kept)


def _decode_by_pillow(data: bytes | memoryview, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    with _opening, warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
        opened = Image.open(io.BytesIO(data), formats=_FORMATS)  # warns at 89 megapixels; our own limit comes next
    with opened as image:
        _check_size(image.width, image.height, len(data))
        image.load()  # turns a TIFF, and reads what a PNG says after its pixels
        turn = _TURNS.get(_orientation(image))
        whole = _turned_size((image.height, image.width), turn)
        if image.mode.startswith("I"):  # Pillow clips 16-bit grey at 255 instead of scaling it
            return _turned(_grey(np.asarray(image), *_scale(image)), turn), whole
        if image.mode == "F":  # floats have no agreed range: 0 to 1 is usual, 0 to 255 what Pillow itself takes
            values = np.asarray(image)
            return _turned(_grey(values, 255.0 if values.min() >= 0 and values.max() <= 1 else 1.0), turn), whole
        rgb = image.convert("RGB")
        if 0 < side < min(rgb.size) and (factor := min(rgb.size) // side) > 1:
            rgb = rgb.reduce(factor)
        return _turned(np.array(rgb), turn), whole


def _scale(image: Image.Image) -> tuple[float, bool]:
    """What brings grey samples of more than eight bits to the scale of bytes, and whether 0 means white.

    A TIFF may have fewer than 16 bits in each, and may mean white by 0; Pillow hands over the bare numbers. Other files
    that hold 12 bits in 16 are dark: a PNG's note of its significant bits (sBIT) is of samples that its writer has to
    scale to 16, and a TIFF's MaxSampleValue is not to change how a picture looks.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 1 / 257, False
    bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0]
    negative = image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0
    return 255.0 / (2 ** min(bits, 16) - 1), negative


def _check_size(width: int, height: int, size: int) -> None:
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise ValueError(f"its header announces {width}×{height} pixels, more than {MAX_PIXELS:,}")
    if pixels > SMALL_ENOUGH and pixels > PIXELS_A_BYTE * size:
        raise ValueError(f"its header announces {width}×{height} pixels, which {size:,} bytes cannot hold")


def _grey(values: np.ndarray, scale: float, negative: bool = False) -> np.ndarray:
    """(H, W) numbers, brought to the scale of bytes, to (H, W, 3) bytes; some rows at a time."""
    pixels = np.empty((*values.shape, 3), np.uint8)
    rows = max(1, AT_A_TIME // values.shape[1])
    for start in range(0, len(values), rows):
        some = values[start : start + rows].astype(np.float64) * scale
        some = 255.0 - some if negative else some
        pixels[start : start + rows] = np.nan_to_num(some).round().clip(0, 255).astype(np.uint8)[:, :, None]
    return pixels


def _jpeg_segments(data: bytes | memoryview) -> tuple[int, tuple[int, int] | None]:
    """What a JPEG says before its pixels.

    Returns:
        Which way is up, as Pillow understands the metadata, 1 where they say nothing; (height, width) that a frame of
        fewer than four colours announces.

    Raises:
        ValueError: a progressive one of more than `MAX_SCANS`.
    """
    exif: list[bytes] = []
    xmp: bytes | None = None
    frame: tuple[int, int] | None = None
    progressive = False
    place, last, segment_at = 2, len(data) - _SEGMENT.size, _SEGMENT.unpack_from
    while place <= last:
        begin, marker, length = segment_at(data, place)
        if begin != 0xFF or marker == 0xDA or marker == 0xD9:  # the pixels, or the end, or what a decoder passes over
            if progressive or begin != 0xFF:
                _check_scans(data, place, progressive)
            break
        if marker == 0xFF:  # padding
            place += 1
            continue
        if marker in _ALONE:
            place += 2
            continue
        if marker == 0xE1:
            segment = bytes(data[place + 4 : place + 2 + length])
            if segment.startswith(_EXIF):
                exif.append(segment[len(_EXIF) :])
            elif segment.startswith(_XMP):
                xmp = segment
        elif marker in _FRAMES and place + 5 + _FRAME.size <= len(data):
            height, width, colours = _FRAME.unpack_from(data, place + 5)
            frame = (height, width) if colours < 4 else None
            progressive = marker in _PROGRESSIVE
        place += 2 + length
    if not exif and xmp is None:
        return 1, frame
    header = Image.new("L", (1, 1))
    header.info.update({"exif": b"".join([_EXIF, *exif])} if exif else {})
    header.info.update({"xmp": xmp} if xmp is not None else {})
    return _orientation(header), frame


def _check_scans(data: bytes | memoryview, place: int, progressive: bool) -> None:
    """Count a JPEG's scans from here on; segments are passed over by their lengths."""
    scans = 0
    while (found := _MARKER.search(data, place)) is not None and found[1] != b"\xd9":
        progressive = progressive or found[1][0] in _PROGRESSIVE
        scans += found[1] == b"\xda"
        if progressive and scans > MAX_SCANS:
            raise ValueError(f"a progressive JPEG of more than {MAX_SCANS} scans; no camera or program makes that many")
        place = found.end() + int.from_bytes(data[found.end() : found.end() + 2])


def _orientation(image: Image.Image) -> int:
    """The orientation that Pillow finds; damaged metadata are no reason to refuse the pixels."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1


def _turned(pixels: np.ndarray, turn: Image.Transpose | None) -> np.ndarray:
    """(H, W, 3) pixels turned and mirrored as `Image.transpose` would."""
    if turn is None:
        return pixels
    by_turn = {
        Image.Transpose.FLIP_LEFT_RIGHT: lambda a: a[:, ::-1],
        Image.Transpose.FLIP_TOP_BOTTOM: lambda a: a[::-1],
        Image.Transpose.ROTATE_180: lambda a: a[::-1, ::-1],
        Image.Transpose.TRANSPOSE: lambda a: a.swapaxes(0, 1),
        Image.Transpose.TRANSVERSE: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        Image.Transpose.ROTATE_90: lambda a: np.rot90(a, 1),  # anticlockwise, both
        Image.Transpose.ROTATE_270: lambda a: np.rot90(a, 3),
    }
    return by_turn[turn](pixels).copy()  # torch takes no negative strides, not even along a side of one pixel


def _turned_size(size: tuple[int, int], turn: Image.Transpose | None) -> tuple[int, int]:
    on_its_side = (Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE)
    return size[::-1] if turn in (*on_its_side, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270) else size


def read_image(path: str | os.PathLike[str]) -> Tensor:
    """Read one picture from disk, upright.

    Args:
        path: a JPEG, PNG or any other format Pillow knows.

    Returns:
        (3, H, W) uint8 RGB.

    Raises:
        MissingImage: no such file; a FileNotFoundError as well as a BrokenImage.
        BrokenImage: the file cannot be read, or is not a whole picture; the message names it.

    Example:
        >>> from PIL import Image
        >>> from cosface_edu.data import read_image
        >>> Image.new("RGB", (96, 112), "white").save("1.png")
        >>> image = read_image("1.png")
        >>> image.shape, image.dtype, int(image.min())
        (torch.Size([3, 112, 96]), torch.uint8, 255)
    """
    return decode(read_file(path), str(path))


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a picture's file.

    Raises:
        BrokenImage: it is not there, may not be opened, the disk fails, or it has more than `MAX_BYTES`; as one
            picture among many it then counts as any other that cannot be had.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(size + 1) if size <= MAX_BYTES else b""
            if size < len(data) <= MAX_BYTES:  # a system's own files say 0 and have more
                data += file.read(MAX_BYTES + 1 - len(data))
    except FileNotFoundError as error:
        nowhere = "a link that leads nowhere" if Path(path).is_symlink() else "no such file"
        raise MissingImage(f"{path}: {nowhere}; fetch it again or remove it") from error
    except OSError as error:
        raise BrokenImage(f"{path}: cannot be read: {error.strerror or error}") from error
    if max(size, len(data)) > MAX_BYTES:
        raise BrokenImage(f"{path}: more than {MAX_BYTES:,} bytes, which no picture has; remove it")
    return data


def encode_jpeg(pixels: Tensor, quality: int = 95) -> bytes:
    """(3, H, W) uint8 RGB to JPEG without chroma subsampling, which would blur the colour of a small crop."""
    rows = np.ascontiguousarray(pixels.permute(1, 2, 0).cpu().numpy())  # (H, W, 3)
    return simplejpeg.encode_jpeg(rows, quality=quality, colorspace="RGB", colorsubsampling="444")


def fit(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring an aligned crop to the network's input size.

    Cropped about the centre to the wanted proportions, then resized: 112×112 to 112×96 takes 8 columns off each
    side, which is exactly the shift between the two templates, and resamples nothing.

    Args:
        pixels: (..., H, W).
        size: (height, width).

    Returns:
        (..., height, width), the same dtype.

    Example:
        >>> import torch
        >>> from cosface_edu.data import fit
        >>> pixels = torch.arange(112.0).expand(3, 112, 112)
        >>> fit(pixels, (112, 96))[0, 0, 0].item()  # eight columns have gone on either side
        8.0
    """
    height, width = pixels.shape[-2:]
    if (height, width) == size:
        return pixels
    top, left, crop_h, crop_w = _crop(height, width, size)
    # two narrow() take a fifth of the time of one index in brackets, which counts beside a decoder that takes a tenth
    # of a millisecond
    pixels = pixels.narrow(-2, top, crop_h).narrow(-1, left, crop_w)
    if (crop_h, crop_w) == size:
        return pixels
    flat = pixels.reshape(-1, 1, crop_h, crop_w).to(torch.float32)
    resized = F.interpolate(flat, size, mode="bilinear", antialias=True).view(*pixels.shape[:-2], *size)
    return resized.to(pixels.dtype) if pixels.is_floating_point() else resized.round_().to(pixels.dtype)


def _crop(height: int, width: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Top, left, height and width of the largest part about a picture's centre with the proportions of `size`."""
    crop_h = min(height, round(width * size[0] / size[1]))
    crop_w = min(width, round(height * size[1] / size[0]))
    return (height - crop_h) // 2, (width - crop_w) // 2, crop_h, crop_w
