"""Decoding, normalising and fitting single pictures, whole and broken."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from cosface_edu import data
from cosface_edu.data.images import encode_jpeg, write_atomically


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_normalise_is_255x_minus_127_5_over_128() -> None:
    x = torch.tensor([0.0, 0.5, 1.0, 100 / 255])
    torch.testing.assert_close(data.normalise(x), torch.tensor([-0.99609375, 0.0, 0.99609375, -27.5 / 128]))


def test_bytes_and_floats_are_inverse() -> None:
    pixels = torch.arange(256, dtype=torch.uint8)
    floats = data.to_float(pixels)
    assert floats.min() == 0
    assert floats.max() == 1
    assert torch.equal(data.to_bytes(floats), pixels)


def test_jpeg_decodes_as_pillow_decodes_it(jpeg) -> None:
    ours = data.decode(jpeg(3))
    theirs = np.asarray(Image.open(io.BytesIO(jpeg(3))).convert("RGB")).transpose(2, 0, 1)
    assert ours.shape == (3, 20, 16)
    assert ours.dtype == torch.uint8
    np.testing.assert_allclose(ours.numpy().astype(int), theirs.astype(int), atol=1)


def test_channels_are_rgb() -> None:
    red = torch.zeros(3, 16, 16, dtype=torch.uint8)
    red[0] = 255
    decoded = data.decode(encode_jpeg(red)).float().mean((1, 2))
    assert decoded[0] > 250
    assert decoded[1:].max() < 5


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", mode) for mode in ("L", "RGB", "CMYK")]
    + [("PNG", mode) for mode in ("L", "RGB", "RGBA", "LA", "P", "1")],
)
def test_every_colour_mode_becomes_rgb(kind: str, mode: str) -> None:
    image = Image.new("RGB", (7, 9), (204, 204, 204)).convert(mode, dither=Image.Dither.NONE)
    pixels = data.decode(encoded(image, kind))
    assert pixels.shape == (3, 9, 7)
    expected = 255 if mode == "1" else 204
    np.testing.assert_allclose(pixels.numpy().astype(int), expected, atol=3)


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    pixels = data.decode(encoded(Image.fromarray(np.full((9, 7), 128 * 257, dtype=np.uint16)), "PNG"))
    assert pixels.shape == (3, 9, 7)
    assert pixels.unique().tolist() == [128]


def test_zero_bytes_are_named(tmp_path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(data.BrokenImage, match=r"empty\.jpg: empty, 0 bytes"):
        data.read_image(tmp_path / "empty.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_a_picture_cut_anywhere_is_broken(tmp_path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), kind)
    for cut in [1, 2, 3, 10, len(whole) // 4, len(whole) // 2, len(whole) * 3 // 4, len(whole) - 40]:
        (tmp_path / "cut").write_bytes(whole[:cut])
        with pytest.raises(data.BrokenImage, match="cut: cannot be decoded"):
            data.read_image(tmp_path / "cut")


def test_text_is_no_picture(tmp_path) -> None:
    (tmp_path / "a.jpg").write_text("<html>404</html>")
    with pytest.raises(data.BrokenImage, match=r"a\.jpg"):
        data.read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_header_that_announces_gigabytes_is_refused(kind: str) -> None:
    small = encoded(Image.new("RGB", (8, 8)), kind)
    if kind == "JPEG":
        place = small.index(b"\xff\xc0") + 5
        forged = small[:place] + struct.pack(">HH", 65500, 65500) + small[place + 4 :]
    else:
        header = b"IHDR" + struct.pack(">II", 65500, 65500) + small[24:29]
        forged = small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]
    with pytest.raises(data.BrokenImage, match=r"65500|decompression bomb"):
        data.decode(forged)


def test_missing_file_is_file_not_found(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        data.read_image(tmp_path / "nobody.jpg")


def test_fit_cuts_112_to_96_without_resampling() -> None:
    square = torch.randint(0, 256, (3, 112, 112), dtype=torch.uint8)
    assert torch.equal(data.fit(square, (112, 96)), square[:, :, 8:104])


def test_fit_crops_to_proportions_then_resizes() -> None:
    wide = torch.zeros(3, 50, 100, dtype=torch.uint8)
    wide[:, :, 25:75] = 200
    assert torch.equal(data.fit(wide, (10, 10)), torch.full((3, 10, 10), 200, dtype=torch.uint8))


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    target = tmp_path / "a.bin"
    write_atomically(target, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_root_is_the_environment_variable_or_data(monkeypatch) -> None:
    monkeypatch.setenv("COSFACE_DATA", "/somewhere/else")
    assert str(data.root()) == "/somewhere/else"
    monkeypatch.delenv("COSFACE_DATA")
    assert str(data.root()) == "data"
