"""Decoding, normalising and fitting single pictures, whole and broken."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps, PngImagePlugin, features

from cosface_edu import data
from cosface_edu.data.images import BEFORE_ROWS, MAX_SCANS, decode_into, decode_reduced, encode_jpeg, read_file


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


def test_a_crop_s_jpeg_keeps_the_colour_of_single_pixels() -> None:
    """Subsampled as is usual, columns of red and of blue would both become purple."""
    stripes = torch.zeros(3, 16, 16, dtype=torch.uint8)
    stripes[0, :, ::2] = stripes[2, :, 1::2] = 255
    assert (data.decode(encode_jpeg(stripes)).int() - stripes.int()).abs().max() < 60


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
    pixels = data.decode(encoded(Image.fromarray(np.full((9, 7), 200 * 257, dtype=np.uint16)), "PNG"))
    assert pixels.shape == (3, 9, 7)
    assert pixels.unique().tolist() == [200]


def test_every_grey_of_16_bits_is_rounded_to_the_nearest_byte(monkeypatch) -> None:
    monkeypatch.setattr("cosface_edu.data.images.AT_A_TIME", 300)  # some rows at a time: one here
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = data.decode(encoded(Image.fromarray(every), "PNG"))
    assert torch.equal(
        pixels, torch.from_numpy((every.astype(np.int64) + 128) // 257).to(torch.uint8).expand(3, -1, -1)
    )


def test_grey_of_16_bits_takes_little_more_than_its_pixels() -> None:
    grey = encoded(Image.fromarray(np.zeros((2048, 2048), dtype=np.uint16)), "PNG")
    tracemalloc.start()
    data.decode(grey)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 15 * 2048 * 2048  # bytes; three are the picture, two the samples, and eight a float of each row


def grey_tiff(samples: bytes, bits: int, photometric: int = 1) -> bytes:
    """A picture of four by two grey samples, one strip, little-endian."""
    tags = [(256, 4), (257, 2), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1), (278, 2)]
    entries = [*tags, (279, len(samples))]
    directory = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in entries)
    head = struct.pack("<2sHI", b"II", 42, 8 + len(samples))
    return head + samples + struct.pack("<H", len(entries)) + directory + bytes(4)


def test_a_tiff_says_how_many_bits_its_samples_have() -> None:
    twelve = bytes.fromhex("00080ffff100") * 2  # 000, 80f, fff, 100
    assert data.decode(grey_tiff(twelve, 12))[0, 0].tolist() == [0, 128, 255, 16]


@pytest.mark.parametrize(("photometric", "expected"), [(0, [255, 155, 0, 254]), (1, [0, 100, 255, 1])])
def test_a_16_bit_tiff_says_whether_nothing_is_white(photometric: int, expected: list[int]) -> None:
    samples = struct.pack("<4H", 0, 100 * 257, 65535, 257) * 2
    assert data.decode(grey_tiff(samples, 16, photometric))[0, 0].tolist() == expected


def test_significant_bits_of_a_png_change_nothing() -> None:
    """The format has its writers scale samples of 12 bits to the whole range of 16."""
    grey = encoded(Image.fromarray(np.full((9, 7), 200 * 257, dtype=np.uint16)), "PNG")
    note = b"sBIT\x0c"
    note = struct.pack(">I", 1) + note + struct.pack(">I", zlib.crc32(note))
    assert data.decode(grey[:33] + note + grey[33:]).unique().tolist() == [200]


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
    for middle in (wide, wide.mT):
        assert torch.equal(data.fit(middle, (10, 10)), torch.full((3, 10, 10), 200, dtype=torch.uint8))


def test_fit_rounds_to_the_nearest() -> None:
    """Cut off instead, a picture would be darker by half a level each time."""
    pixels = torch.randint(0, 256, (3, 20, 16), dtype=torch.uint8)
    assert torch.equal(data.fit(pixels, (15, 12)), data.fit(pixels.float(), (15, 12)).round().to(torch.uint8))


def test_fit_makes_a_fine_pattern_grey() -> None:
    """Of a few pixels alone a picture made eight times smaller would be black or white."""
    stripes = torch.tensor([0, 0, 0, 255] * 16, dtype=torch.uint8).expand(3, 64, 64)
    inside = data.fit(stripes, (8, 8))[:, :, 1:-1].float()  # what lies at the border has fewer neighbours
    assert (inside - 255 / 4).abs().max() < 8


def test_root_is_the_environment_variable_or_data(monkeypatch) -> None:
    monkeypatch.setenv("COSFACE_DATA", "/somewhere/else")
    assert str(data.root()) == "/somewhere/else"
    monkeypatch.delenv("COSFACE_DATA")
    assert str(data.root()) == "data"


def photograph(size: tuple[int, int] = (40, 24)) -> Image.Image:
    """A picture in which every side and corner differs."""
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_pillow_turns_them(kind: str, orientation: int) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    content = encoded(photograph(), kind, exif=exif.tobytes(), **options)
    with Image.open(io.BytesIO(content)) as image:
        right = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    pixels = data.decode(content)
    assert pixels.shape == (3, *right.shape[:2])
    assert pixels.shape[1:] == ((40, 24) if orientation > 4 else (24, 40))
    np.testing.assert_allclose(pixels.permute(1, 2, 0).numpy().astype(int), right.astype(int), atol=1)


def test_orientation_in_a_grey_16_bit_png_and_in_xmp() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = Image.fromarray(np.arange(0, 60000, 1000, dtype=np.uint16).reshape(6, 10))
    assert data.decode(encoded(grey, "PNG", exif=exif.tobytes())).shape == (3, 10, 6)
    note = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf tiff:Orientation="8"/></x:xmpmeta>'
    content = encoded(photograph(), "JPEG")
    content = content[:2] + b"\xff\xe1" + struct.pack(">H", len(note) + 2) + note + content[2:]
    assert data.decode(content).shape == (3, 40, 24)


@pytest.mark.parametrize(
    "note", [b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(40)]
)
def test_damaged_metadata_do_not_make_a_broken_picture(note: bytes) -> None:
    content = encoded(photograph(), "JPEG")
    content = content[:2] + b"\xff\xe1" + struct.pack(">H", len(note) + 2) + note + content[2:]
    assert data.decode(content).shape == (3, 24, 40)


def harmless(content: bytes, what: str) -> bytes:
    """A JPEG changed as cameras and editors do: libjpeg warns, no pixel is lost."""
    scan = content.index(b"\xff\xda")
    length = struct.unpack(">H", content[scan + 2 : scan + 4])[0]
    if what == "parameters of the scan":  # Samsung's front cameras: Ss = Se = 0 in a sequential picture
        return content[: scan + 2 + length - 3] + b"\0\0\0" + content[scan + 2 + length :]
    if what == "bytes between segments":
        table = content.index(b"\xff\xdb")
        return content[:table] + bytes(26) + content[table:]
    if what == "revision":
        place = content.index(b"JFIF\0") + 5
        return content[:place] + b"\x09\x09" + content[place + 2 :]
    return content + b"\0\0 a film follows"


@pytest.mark.parametrize("what", ["parameters of the scan", "bytes between segments", "revision", "what follows"])
def test_what_libjpeg_merely_warns_about_is_decoded(what: str) -> None:
    content = harmless(encoded(photograph(), "JPEG", quality=95), what)
    with Image.open(io.BytesIO(content)) as image:
        right = np.asarray(image.convert("RGB"))
    assert np.array_equal(data.decode(content).permute(1, 2, 0).numpy(), right)
    with pytest.raises(data.BrokenImage):
        data.decode(content[: content.index(b"\xff\xda") + 40])  # and cut short it is still refused


def test_damage_among_the_pixels_is_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = bytearray(encoded(Image.fromarray(noise), "JPEG"))
    middle = len(content) // 2
    content[middle : middle + 40] = b"\xff\xd0" * 20  # restart markers where none belong
    with pytest.raises(data.BrokenImage):
        data.decode(bytes(content))


def progressive(scans: int, before: bytes = b"") -> bytes:
    """A grey square whose last scan, which changes nothing, is there again and again."""
    content = encoded(Image.new("L", (16, 16), 90), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    begin = content.rindex(b"\xff\xc4", 0, last)  # its table comes before it
    done = content.count(b"\xff\xda")
    return content[:2] + before + content[2:-2] + content[begin:-2] * (scans - done) + b"\xff\xd9"


@pytest.mark.parametrize("before", [b"", b"\xff\x01", b"\0\0junk", b"\xff\xfe\0\x04\xff\xd9"])
def test_a_jpeg_of_more_scans_than_anybody_makes_is_refused(before: bytes) -> None:
    with pytest.raises(data.BrokenImage, match=r"n\.jpg: .*a progressive JPEG of more than 200 scans"):
        data.decode(progressive(MAX_SCANS + 1, before), "n.jpg")
    for whole in (progressive(6), progressive(6) + b"\xff\xda" * 300):  # what follows the end is not looked at
        assert data.decode(whole).unique().tolist() == [90]
    plain = encoded(Image.new("L", (16, 16), 90), "JPEG", comment=b"\xff\xda" * 300)
    assert data.decode(plain).unique().tolist() == [90]


def test_a_header_that_the_file_cannot_fill_is_refused() -> None:
    small = encoded(Image.new("RGB", (8, 8)), "JPEG")
    place = small.index(b"\xff\xc0") + 5
    forged = small[:place] + struct.pack(">HH", 9000, 12000) + small[place + 4 :]
    with pytest.raises(data.BrokenImage, match=r"announces 12000×9000 pixels, which [\d,]+ bytes cannot hold"):
        data.decode(forged)


def test_108_megapixels_are_read_whole_and_reduced() -> None:
    content = encoded(Image.new("L", (12000, 9000), 200), "JPEG")
    pixels, whole = decode_reduced(content, 1000)
    assert whole == (9000, 12000)
    assert pixels.shape == (3, 1125, 1500)
    assert pixels.unique().tolist() == [200]
    assert data.decode(content).shape == (3, 9000, 12000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_reduced_picture_is_the_picture_smaller(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(photograph((640, 480)), kind, exif=exif.tobytes())
    pixels, whole = decode_reduced(content, 100)
    assert whole == (640, 480)  # upright
    assert 100 <= min(pixels.shape[1:]) < 200
    large = data.decode(content).float()
    again = torch.nn.functional.interpolate(large[None], pixels.shape[1:], mode="area")[0]
    assert (again - pixels.float()).abs().mean() < 2
    assert decode_reduced(content, 10_000)[0].shape == large.shape


@pytest.mark.parametrize("size", [(20, 16), (16, 20), (20, 12), (10, 8), (7, 9), (40, 32)])
@pytest.mark.parametrize("kind", ["JPEG", "grey JPEG", "CMYK JPEG", "turned JPEG", "PNG"])
def test_decoding_into_memory_is_decoding_and_fitting(kind: str, size: tuple[int, int]) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 16, 3), dtype=np.uint8))
    modes = {"grey JPEG": "L", "CMYK JPEG": "CMYK"}
    exif = Image.Exif()
    if kind == "turned JPEG":
        exif[0x0112] = 3
        noise = noise.transpose(Image.Transpose.ROTATE_180)  # as a sensor upside down saw it
    file = encoded(noise.convert(modes.get(kind, "RGB")), kind.split()[-1], exif=exif)
    expected = data.fit(data.decode(file), size).permute(1, 2, 0).numpy()
    for form in (bytes, memoryview):
        rows = np.full((*size, 3), 77, dtype=np.uint8)
        decode_into(form(file), rows)
        np.testing.assert_array_equal(rows, expected)


def test_decoding_into_memory_copies_no_jpeg_of_that_size(jpeg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("cosface_edu.data.images.fit")
    rows = np.zeros((20, 16, 3), dtype=np.uint8)
    decode_into(jpeg(3), rows)
    assert rows.any()


def test_a_frame_that_is_not_the_decoder_s_is_not_believed(jpeg, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = data.fit(data.decode(jpeg(3)), (16, 20)).permute(1, 2, 0).numpy()
    monkeypatch.setattr("cosface_edu.data.images._jpeg_segments", lambda data: (1, (16, 20)))  # it is (20, 16)
    decode_into(jpeg(3), rows := np.zeros((16, 20, 3), dtype=np.uint8))
    np.testing.assert_array_equal(rows, expected)


def test_a_jpeg_s_rows_are_decoded_to_where_the_cache_is_not_passed_by(jpeg) -> None:
    """Rows that begin at a multiple of 16 would be written past it; with 16 columns all begin alike."""
    several = [data.decode(jpeg(3)) for _ in range(4)]  # kept, or the next has the same place
    assert {pixels.data_ptr() % 16 for pixels in several} == {BEFORE_ROWS}


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_decoding_into_memory_names_what_is_broken(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(noise), kind)
    with pytest.raises(data.BrokenImage, match="seven: cannot be decoded"):
        decode_into(whole[: len(whole) // 2], np.zeros((24, 24, 3), dtype=np.uint8), "seven")


def test_floating_point_pixels() -> None:
    for top, expected in ((1.0, 255), (200.0, 200)):
        values = np.full((5, 4), top, dtype=np.float32)
        assert data.decode(encoded(Image.fromarray(values), "TIFF")).unique().tolist() == [expected]


def test_a_program_under_a_picture_s_name_is_not_run() -> None:
    with pytest.raises(data.BrokenImage, match="in no format that is read"):
        data.decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")


def test_a_file_that_cannot_be_read_is_a_broken_picture(tmp_path, monkeypatch) -> None:
    (tmp_path / "a.jpg").symlink_to("gone.jpg")
    with pytest.raises(data.BrokenImage, match=r"a\.jpg: a link that leads nowhere"):
        data.read_image(tmp_path / "a.jpg")

    def refuse(path: object, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(data.BrokenImage, match=r"b\.jpg: cannot be read: Permission denied"):
        data.read_image(tmp_path / "b.jpg")


def test_a_file_larger_than_any_picture_is_broken_and_not_read(tmp_path, monkeypatch, people) -> None:
    monkeypatch.setattr("cosface_edu.data.images.MAX_BYTES", 3000)
    with open(tmp_path / "sparse.jpg", "wb") as file:
        file.truncate(10**7)
    (tmp_path / "most.jpg").write_bytes(b"a" * 3000)
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")  # says that it has 0 bytes
    for name in ("sparse", "endless"):
        with pytest.raises(data.BrokenImage, match=f"{name}.jpg: more than 3,000 bytes, which no picture has"):
            read_file(tmp_path / f"{name}.jpg")
    assert read_file(tmp_path / "most.jpg") == b"a" * 3000
    (tmp_path / "sparse.jpg").replace(people / "bob" / "1.jpg")
    assert any("1.jpg: more than 3,000 bytes" in problem for problem in data.check(people).problems)


def test_bytes_are_normalised_by_their_values() -> None:
    pixels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(data.normalise(pixels), data.normalise(data.to_float(pixels)))
    for wrong in (pixels.int(), pixels.long(), pixels > 3):
        with pytest.raises(ValueError, match=r"bytes \(uint8\); got torch\."):
            data.normalise(wrong)


def test_notes_in_a_png_do_not_keep_its_picture_from_being_read() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8))
    long = PngImagePlugin.PngInfo()
    long.add_itxt("parameters", "a" * 2_000_000, zip=True)
    short = PngImagePlugin.PngInfo()
    short.add_text("Author", "somebody")
    damaged = encoded(picture, "PNG", pnginfo=short).replace(b"somebody", b"anybody!")  # its checksum is another
    for file in (encoded(picture, "PNG", pnginfo=long), encoded(picture, "PNG", icc_profile=bytes(2_000_000)), damaged):
        assert np.array_equal(data.decode(file).permute(1, 2, 0).numpy(), np.asarray(picture))
    with pytest.raises(data.BrokenImage):  # pixels that are lost stay so
        data.decode(encoded(picture, "PNG", pnginfo=long)[:-60])


def test_what_a_clone_or_a_download_left_in_a_picture_s_place_is_said() -> None:
    with pytest.raises(data.BrokenImage, match="git lfs pull"):
        data.decode(b"version https://git-lfs.github.com/spec/v1\noid sha256:0d71\nsize 19332\n")
    with pytest.raises(data.BrokenImage, match="a web page lies in the file's place"):
        data.decode(memoryview(b"\n<!DOCTYPE html><html><title>Quota exceeded</title>"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(1, 9), (9, 1), (1, 1)])
def test_a_turned_picture_of_one_row_or_column_is_one(size: tuple[int, int], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.new("RGB", size, (200, 100, 50)).save(file, "JPEG", exif=exif)
    assert data.decode(file.getvalue()).shape == (3, *(size if orientation > 4 else size[::-1]))
