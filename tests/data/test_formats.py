"""One table of formats, which every command asks."""

import pickle
import shutil
from collections.abc import Iterator

import pytest
import torch

from cosface_edu import data
from cosface_edu.faces import FaceWorldDataset

SIZE = (20, 16)


@pytest.fixture
def sources(people, tmp_path, jpeg) -> dict[str, object]:
    """A source of each format, by the format's name."""
    records = tmp_path / "records"
    records.mkdir()
    data.write_records(records / "faces.rec", [(jpeg(0), 0), (jpeg(1), 1)], SIZE)
    (tmp_path / "a.bin").write_bytes(pickle.dumps(([jpeg(k) for k in range(4)], [True, False])))
    for name in ("lfw/A/A_0001", "lfw/A/A_0002", "lfw/B/B_0001"):
        (tmp_path / "LFW" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "LFW" / f"{name}.jpg").write_bytes(jpeg())
    (tmp_path / "LFW" / "pairs.txt").write_text("1\t1\nA\t1\t2\nA\t1\tB\t1\n")
    for name in ("A/0", "A/1", "B/0"):
        (tmp_path / "ytf" / "frame_images_DB" / name).mkdir(parents=True)
        (tmp_path / "ytf" / "frame_images_DB" / name / "0.1.jpg").write_bytes(jpeg())
    (tmp_path / "ytf" / "splits.txt").write_text("".join(f"{k},A/0,A/1,1\n{k},A/0,B/0,0\n" for k in (1, 2)))
    return {
        "identity folders": people,
        "records": records,
        "pairs in a .bin file": tmp_path / "a.bin",
        "LFW": tmp_path / "LFW",
        "YouTube Faces": tmp_path / "ytf",
        "faceworld": "faceworld",
    }


NAMES = ["identity folders", "records", "pairs in a .bin file", "LFW", "YouTube Faces", "faceworld"]


def test_these_are_all() -> None:
    assert sorted(format.name for format in data.formats.known()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_recognised_opened_and_yields_what_it_says(sources, name: str) -> None:
    source = sources[name]
    assert data.recognise(source).name == name
    assert data.recognise(str(source)).name == name
    opened = data.open(source, SIZE, identities=3, per_identity=2)
    faces = opened.images if data.recognise(source).yields == "pairs" else opened
    assert isinstance(opened, data.Pairs) == (data.recognise(source).yields == "pairs")
    image, label = faces[0]
    assert (image.shape, image.dtype) == ((3, *SIZE), torch.float32)
    assert label == 0
    everything, names, left_out = data.pictures(source, SIZE, identities=3, per_identity=2)
    assert len(everything) == len(names) >= 2
    assert everything[0][0].shape == (3, *SIZE)
    assert bool(left_out) == (name in ("identity folders", "LFW", "YouTube Faces"))  # a list or a note beside pictures
    if name != "faceworld":
        report = data.check(source)
        assert report.ok
        assert report.kind == name


def test_the_record_file_itself_and_its_index_serve_too(sources) -> None:
    for suffix in ("faces.rec", "faces.idx"):
        assert len(data.open(sources["records"] / suffix, SIZE)) == 2


def test_what_does_not_serve_is_told(sources, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"a\.bin is pairs in a \.bin file, which holds pairs; people are wanted here"):
        data.open(sources["pairs in a .bin file"], SIZE, yields="people")
    with pytest.raises(ValueError, match="which holds people; pairs are wanted here"):
        data.open(sources["records"], SIZE, yields="pairs")
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder or file, and not 'faceworld' either"):
        data.open(tmp_path / "nowhere")
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match=r"a\.txt: of no known format; known are"):
        data.open(tmp_path / "a.txt")
    with pytest.raises(TypeError, match="no format takes identites; known are exclude"):
        data.open("faceworld", identites=3)


def test_a_folder_of_people_with_a_list_beside_them_trains(sources) -> None:
    (sources["identity folders"] / "pairs.txt").write_text("1\t1\nA\t1\t2\nA\t1\tB\t1\n")
    assert data.open(sources["identity folders"], SIZE, yields="people").num_classes == 3


def test_settings_go_to_those_who_take_them(sources) -> None:
    world = data.open("faceworld", SIZE, identities=3, per_identity=2, seed=4, exclude=())
    assert isinstance(world, FaceWorldDataset)
    assert (len(world), world.world.seed) == (6, 4)
    assert data.open(sources["identity folders"], SIZE, exclude=("anna",), identities=3).names == ["bob", "carl"]


@pytest.fixture
def own() -> Iterator[data.Format]:
    format = data.Format(
        "grey",
        recognise=lambda source: str(source).endswith(".grey") or str(source) == "grey",
        open=lambda source, size, on_broken, settings: (
            [(torch.full((3, *size), 0.5), 0)] * settings.get("identities", 1)
        ),
        check=lambda report, progress: report.facts.append("grey all over"),
        yields="people",
        takes=("identities",),
    )
    yield data.register(format)
    data.formats._formats.pop("grey")


def test_a_format_of_one_s_own_is_one_call(own, tmp_path) -> None:
    (tmp_path / "a.grey").touch()
    assert len(data.open(tmp_path / "a.grey", SIZE, identities=2)) == 2
    assert data.open("grey")[0][0].unique().tolist() == [0.5]
    assert "grey all over" in str(data.check(tmp_path / "a.grey"))


def test_an_archive_and_pictures_beside_identity_folders_are_named(tmp_path, jpeg) -> None:
    shutil.make_archive(str(tmp_path / "faces"), "zip", tmp_path)
    with pytest.raises(ValueError, match=r"faces\.zip: an archive; unpack it"):
        data.open(tmp_path / "faces.zip")
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "unpacked" / "anna\\1.jpg").write_bytes(jpeg())  # out of an archive of Windows
    with pytest.raises(FileNotFoundError, match=r"1 pictures lie elsewhere, such as anna\\1\.jpg"):
        data.open(tmp_path / "unpacked")
