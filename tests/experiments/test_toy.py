"""The toy experiment: what it must reach, what it measures, what it remembers."""

import math
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cosface_edu import losses
from cosface_edu.experiments import cache, kept, toy
from cosface_edu.experiments.closure import closure

QUICK = {"epochs": 2, "train": 24, "test": 8, "size": (16, 16)}


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """The tests train for themselves: what the book has cached must not answer for this code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COSFACE_CACHE", str(tmp_path_factory.mktemp("cache")))
        toy._faces.cache_clear()
        yield


@pytest.fixture(scope="module")
def quick() -> toy.ToyRun:
    return toy.train(toy.ToyConfig(**QUICK))


# What the issue asks of the default data and seed, for every loss with normalised features up to the bound.
QUALITY = [{"m": 0.0}, {"m": 0.1}, {"m": 0.2}, {"loss": "arcface"}]


@pytest.fixture(scope="module")
def trained() -> list[toy.ToyRun]:
    return toy.many([toy.ToyConfig(**options) for options in QUALITY])  # nothing is in this module's cache


def test_default_toys_learn_and_keep_their_centres_apart(trained: list[toy.ToyRun]) -> None:
    for run in trained:
        assert run.train_accuracy >= 0.99, run.config.title
        assert run.test_accuracy >= 0.95, run.config.title
        assert np.degrees(run.centre_gaps().min()) >= 25, run.config.title


def test_margin_opens_gaps_between_clouds(trained: list[toy.ToyRun]) -> None:
    without, _, with_margin, _ = trained
    assert with_margin.cloud_gaps().mean() > without.cloud_gaps().mean() + math.radians(2)


def test_nsl_is_cosface_without_a_margin() -> None:
    """Same loss, same seed: so the quality test's m = 0 speaks for NSL too."""
    nsl, zero = (toy.train(toy.ToyConfig(loss=loss, m=m, **QUICK)) for loss, m in (("nsl", None), ("cosface", 0.0)))
    np.testing.assert_array_equal(nsl.features, zero.features)
    np.testing.assert_array_equal(nsl.centres, zero.centres)


def test_history_has_the_start_and_every_epoch(quick: toy.ToyRun) -> None:
    assert quick.features.shape == (3, 8 * 24, 2)
    assert quick.test_features.shape == (3, 8 * 8, 2)
    assert quick.centres.shape == (3, 8, 2)
    assert len(quick.losses) == 2
    np.testing.assert_allclose(quick.margins, [0, 0.2, 0.2], atol=1e-6)  # grows over the first half, then stays
    np.testing.assert_allclose(np.degrees(quick.centre_gaps(0)), 45, atol=1e-3)


def test_centres_are_learned(quick: toy.ToyRun) -> None:
    assert np.abs(quick.centres[-1] - quick.centres[0]).max() > 1e-3


@pytest.mark.parametrize("loss", ["softmax", "asoftmax", "arcface"])
def test_every_loss_trains(loss: str) -> None:
    run = toy.train(toy.ToyConfig(loss=loss, **QUICK))
    assert np.isfinite(run.losses).all()
    assert np.isfinite(run.features).all()


def test_asoftmax_anneals_to_its_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = []
    build = toy._head
    monkeypatch.setattr(toy, "_head", lambda config: heads.append(build(config)) or heads[-1])
    toy.train(toy.ToyConfig(loss="asoftmax", **QUICK))
    assert heads[0].annealing.value == 5


def test_seed_decides_and_the_callers_generator_is_left_alone(quick: toy.ToyRun) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    again = toy.train(toy.ToyConfig(**QUICK))
    assert torch.equal(torch.random.get_rng_state(), before)
    np.testing.assert_array_equal(again.features, quick.features)
    assert not np.array_equal(toy.train(toy.ToyConfig(seed=1, **QUICK)).features, quick.features)


def test_accuracy_is_computed_without_the_margin(quick: toy.ToyRun) -> None:
    head = quick.head()
    assert isinstance(head, losses.CosFace)
    assert head.m == 0.2
    scores = head.logits(torch.from_numpy(quick.features[-1]))
    right = (scores.argmax(dim=1).numpy() == quick.labels).mean()
    assert right == pytest.approx(quick.train_accuracy, abs=0.01)  # features are kept in half precision


def test_look_alikes_start_side_by_side() -> None:
    # grey levels: on a tour every step counts, so 0, .1 .. go up and come down
    images = torch.tensor([0.0, 0.9, 0.1, 1.0])[:, None, None, None].expand(4, 3, 8, 8)
    tour = toy._shortest_tour(images, torch.arange(4))
    neighbours = {frozenset(pair) for pair in zip(tour, tour[1:] + tour[:1], strict=True)}
    assert frozenset((0, 2)) in neighbours
    assert frozenset((1, 3)) in neighbours


def test_pair_scores_against_a_plain_loop(quick: toy.ToyRun) -> None:
    genuine, impostor = toy.pair_scores(quick)
    x, y = quick.test_features[-1].astype(float), quick.test_labels
    same, different = [], []
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            score = x[i] @ x[j] / np.linalg.norm(x[i]) / np.linalg.norm(x[j])
            (same if y[i] == y[j] else different).append(score)
    np.testing.assert_allclose(np.sort(genuine), np.sort(same), atol=1e-5)
    np.testing.assert_allclose(np.sort(impostor), np.sort(different), atol=1e-5)


def test_cached_run_is_the_trained_one(quick: toy.ToyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    first = toy.cached(toy.ToyConfig(**QUICK))
    monkeypatch.setattr(toy, "_train", lambda *_: pytest.fail("trained again"))
    second = toy.cached(toy.ToyConfig(**QUICK))
    for name in ("features", "test_features", "labels", "centres", "losses", "margins", "test_accuracies"):
        np.testing.assert_array_equal(getattr(second, name), getattr(first, name))
        np.testing.assert_array_equal(getattr(second, name), getattr(quick, name))
    assert second.names == quick.names
    assert second.config == quick.config


def test_two_that_want_the_same_toy_train_it_once(quick: toy.ToyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []

    def slow(config: toy.ToyConfig, progress: object = None) -> toy.ToyRun:
        trained.append(config)
        time.sleep(0.3)
        return quick

    monkeypatch.setattr(toy, "train", slow)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(toy.cached, [toy.ToyConfig(**QUICK, seed=5)] * 2)
    assert len(trained) == 1
    np.testing.assert_array_equal(first.features, second.features)


def test_cache_forgets_when_configuration_code_or_images_change(monkeypatch: pytest.MonkeyPatch) -> None:
    config = toy.ToyConfig(**QUICK)
    names = {toy._key(config), toy._key(replace(config, seed=1)), toy._key(replace(config, m=0.1))}
    assert len(names) == 3
    monkeypatch.setattr(cache, "code_hash", lambda module: "another")
    assert toy._key(config) not in names


def test_a_toy_depends_on_the_losses_and_not_on_the_figures() -> None:
    modules = closure(toy.__name__)
    assert {"cosface_edu.losses", "cosface_edu.faces.world", "cosface_edu.networks.toy"} <= set(modules)
    assert not [name for name in modules if name.startswith(("cosface_edu.figures", "cosface_edu.training"))]


def test_broken_cache_entry_counts_as_absent(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSFACE_CACHE", str(tmp_path))
    cache.save("entry", {"x": torch.ones(3)}, {"a": "b"})
    assert cache.load("entry")[1] == {"a": "b"}
    assert [p.name for p in (tmp_path / "toy").iterdir()] == ["entry.safetensors"]  # no temporary left behind
    path = tmp_path / "toy" / "entry.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    assert cache.load("entry") is None
    assert cache.load("missing") is None


def test_unwritable_cache_is_no_error(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COSFACE_CACHE", str(tmp_path / "file"))
    cache.save("entry", {"x": torch.ones(3)}, {})


def test_another_name_of_a_loss_has_the_same_margin() -> None:
    assert toy.ToyConfig("lmcl").m == toy.ToyConfig("amsoftmax").m == toy.ToyConfig("cosface").m


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"loss": "sphere"}, "must be one of .*cosface"),
        ({"loss": "nsl", "m": 0.2}, "has no margin"),
        ({"loss": "triplet"}, "Triplet has no class centres"),
        ({"m": -0.1}, "must not be negative"),
        ({"s": 0.0}, "positive"),
        ({"identities": 4, "train": 15}, "a step takes 64 images; .* 60 together"),
    ],
)
def test_wrong_configurations_are_named(options: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        toy.ToyConfig(**options)


@pytest.mark.parametrize(
    ("loss", "title", "scale"),
    [
        ("cosface", "LMCL, m = 0.2", "10"),
        ("asoftmax", "A-Softmax, m = 4", "‖x‖"),
        ("softmax", "Softmax", "‖x‖"),
        ("sphereface_r", "SphereFace-R, m = 1.5", "10"),
        ("adacos", "AdaCos", "its own"),
    ],
)
def test_every_loss_with_centres_can_be_a_toy(loss: str, title: str, scale: str) -> None:
    config = toy.ToyConfig(loss=loss)
    assert (config.title, config.scale_text) == (title, scale)


def test_rows_say_what_each_run_reached(quick: toy.ToyRun) -> None:
    first, second = toy.rows([quick, quick])
    assert first == second
    assert first["test %"] == f"{100 * quick.test_accuracy:.1f}"
    assert (first["loss"], first["m"], first["s"]) == ("LMCL", "0.2", "10")
    assert toy.rows([toy.train(toy.ToyConfig(loss="nsl", **QUICK))])[0]["m"] == "–"


def test_progress_is_reported() -> None:
    seen: list[tuple[int, int]] = []
    toy.train(toy.ToyConfig(**QUICK), progress=lambda epoch, epochs, loss: seen.append((epoch, epochs)))
    assert seen == [(1, 2), (2, 2)]


def test_many_equal_one_by_one_on_any_number_of_threads(quick: toy.ToyRun) -> None:
    configs = [toy.ToyConfig(**QUICK), toy.ToyConfig(loss="nsl", **QUICK)]
    first, second = toy.many(configs)
    assert np.array_equal(first.features, quick.features)
    assert second.config.loss == "nsl"
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert np.array_equal(toy.train(configs[0]).features, quick.features)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


@pytest.fixture
def homeless(monkeypatch, tmp_path) -> Path:
    """A user without a home and an installed package; the folder of temporary files."""

    def no_home() -> None:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("COSFACE_CACHE", raising=False)
    monkeypatch.setattr(cache, "PACKAGE", tmp_path / "installed")
    monkeypatch.setattr("pathlib.Path.home", no_home)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "everybody"))
    (tmp_path / "everybody").mkdir()
    return tmp_path / "everybody"


def test_a_user_without_a_home_has_a_place_for_results_alone(homeless) -> None:
    cache.save("a", {"x": torch.ones(2)}, {})
    assert cache.folder().parent == homeless
    assert cache.folder().stat().st_mode & 0o777 == 0o700
    assert torch.equal(cache.load("a")[0]["x"], torch.ones(2))


def test_a_system_without_user_numbers_has_a_place_too(homeless, monkeypatch) -> None:
    monkeypatch.delattr("os.getuid")
    assert cache.folder() == homeless / "cosface-edu"


@pytest.mark.parametrize("trap", ["owner", "mode", "link"])
def test_nothing_is_kept_where_somebody_else_could_write(homeless, monkeypatch, tmp_path, trap: str) -> None:
    own = cache.folder()
    if trap == "owner":
        monkeypatch.setattr("os.getuid", lambda: own.stat().st_uid + 1)
        own = own.rename(homeless / f"cosface-edu-{own.stat().st_uid + 1}")
    elif trap == "mode":
        own.chmod(0o777)
    else:
        own.rename(tmp_path / "elsewhere")
        own.symlink_to(tmp_path / "elsewhere")
    cache.save("a", {"x": torch.ones(2)}, {})
    assert cache.load("a") is None
    with cache.lock("a"):
        pass
    assert list(own.iterdir()) == []
    monkeypatch.setattr(kept, "train", lambda config, folder, **_: SimpleNamespace(network=folder))
    assert kept.trained() is None  # and trains in memory
    with pytest.raises(PermissionError, match=r"cosface-edu-\d+: this folder is somebody else's"):
        cache.folder()
