"""Bad input: the message names the argument, its value and what is allowed."""

import math
import warnings

import pytest
import torch
import torch.nn.functional as F

from cosface_edu import losses

X, Y = torch.randn(4, 3), torch.tensor([0, 1, 2, 1])


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (X, torch.tensor([0, 1, 5, 1]), r"labels .* between 0 and 4, got 5"),
        (X, torch.tensor([0, -1, 2, 1]), r"labels .* between 0 and 4, got -1"),
        (X, Y.int(), r"labels .* int64 .* torch.int32.*long\(\)"),
        (X, Y.float(), r"labels .* int64 .* torch.float32"),
        (X, [0, 1, 2, 1], r"labels .* int64 .* list: convert with torch.as_tensor"),
        (X, torch.eye(5)[Y], r"one class .* torch.float32 .* \(4, 5\).* \+ \(1 - lam\) \* head\(x, b\)$"),
        (X, torch.eye(5)[Y].long(), r"one class .* torch.int64 .* \(4, 5\): take labels\.argmax\(1\)"),
        (X, Y[:3], r"labels .* shape \(4,\).* \(3,\)"),
        (X, Y[:, None], r"labels .* shape \(4,\).* \(4, 1\)"),
        (X.long(), Y, r"features .* floating-point .* torch.int64"),
        (X.tolist(), Y, r"features .* floating-point .* list$"),
        ((X, X.norm(dim=1)), Y, r"features .* floating-point .* tuple: .* network\(x\)\[0\]"),
        (X[:, :2], Y, r"features .* \(B, 3\) .* \(4, 2\)"),
        (X[0], Y, r"features .* \(B, 3\) .* \(3,\)"),
        (X[:0], Y[:0], r"features .* B ≥ 1.* \(0, 3\)"),
        (X.clone().index_fill(0, torch.tensor([2]), math.nan), Y, r"features .* nan in sample 2"),
        (X.clone().index_fill(0, torch.tensor([1]), -math.inf), Y, r"features .* -inf in sample 1"),
    ],
)
def test_bad_batch(make, features, labels, message):
    head = make(3, 5)
    with pytest.raises(ValueError, match=message):
        head(features, labels)


def test_the_loss_of_mixed_pictures_is_that_of_the_soft_labels():
    """What the message says: cross entropy is linear in the labels, where there is no margin."""
    head, a, b = losses.NSL(3, 5), Y, Y.flip(0)
    soft = 0.7 * torch.eye(5)[a] + 0.3 * torch.eye(5)[b]
    expected = torch.nn.functional.cross_entropy(head.logits(X), soft)
    torch.testing.assert_close(0.7 * head(X, a) + 0.3 * head(X, b), expected)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cosface", {"m": -0.1}, r"m must be a number between 0 and 2, got -0.1"),
        ("cosface", {"m": 2.5}, r"m must be a number between 0 and 2, got 2.5"),
        ("cosface", {"m": math.nan}, r"m must be .* got nan"),
        ("cosface", {"m": "0.35"}, r"m must be .* got '0.35'"),
        ("cosface", {"s": 0.0}, r"s must be a positive number, or None.*, got 0.0"),
        ("arcface", {"m": 4.0}, r"m must be a number between 0 and 3.14159, got 4.0"),
        ("arcface", {"beyond_pi": "none"}, r"beyond_pi must be .* got 'none'"),
        ("asoftmax", {"m": 0.5}, r"m must be a finite number ≥ 1, got 0.5"),
        ("combined", {"m1": 0.0}, r"m1 must be a positive number, got 0.0"),
        ("combined", {"m3": 3.0}, r"m3 must be .* got 3.0"),
        ("sphereface_r", {"version": 3}, r"version must be 1 or 2, got 3"),
        ("sphereface_r", {"s": None}, r"s must be a positive number, got None"),
        ("sphereface2", {"alpha": 1.0}, r"alpha .* got 1.0"),
        ("subcenter_arcface", {"sub_centers": 0}, r"sub_centers .* got 0"),
        ("magface", {"lower": 5.0, "upper": 4.0}, r"lower and upper .* got 5.0 and 4.0"),
        ("magface", {"lower": 0.0}, r"0 < lower < upper, got 0.0 and 110.0"),
        ("elastic_arcface", {"std": -1.0}, r"std must be .* got -1.0"),
        ("cosface", {"chunk_size": 0}, r"chunk_size must be an integer of at least 1, got 0"),
    ],
)
def test_bad_settings(name, options, message):
    with pytest.raises(ValueError, match=message):
        losses.create(name, in_features=3, num_classes=5, **options)


@pytest.mark.parametrize("sizes", [{"num_classes": 5, "embedding_size": 3}, {"in_features": 3}, {}])
def test_missing_sizes_are_told_with_what_there_is(sizes):
    with pytest.raises(TypeError, match=r"CosFace: missing .*; it takes in_features, num_classes, s, m, chunk_size"):
        losses.CosFace(**sizes)


def test_one_class_is_no_classification(make):
    with pytest.raises(ValueError, match="num_classes must be an integer of at least 2, got 1"):
        make(3, 1)
    with pytest.raises(ValueError, match=r"in_features must be an integer of at least 1, got 2.0"):
        make(2.0, 4)


@pytest.mark.parametrize(
    ("name", "setting", "value", "message"),
    [
        ("magface", "upper", 5.0, r"lower and upper .* got 10.0 and 5.0"),
        ("sphereface2", "alpha", 1, r"alpha .* got 1"),
        ("subcenter_arcface", "sub_centers", 2, r"sub_centers is 3 .* make a new head"),
    ],
)
def test_a_setting_refused_later_is_as_it_was(name, setting, value, message):
    head = losses.create(name, in_features=3, num_classes=5)
    before = getattr(head, setting)
    with pytest.raises(ValueError, match=message):
        setattr(head, setting, value)
    assert getattr(head, setting) == before
    setattr(head, setting, before)


def test_a_margin_set_later_is_checked_too():
    head = losses.CosFace(3, 5)
    with pytest.raises(ValueError, match="got -1"):
        head.m = -1
    assert head.m == 0.35


@pytest.mark.parametrize(
    ("name", "fits", "beyond"),
    [
        ("cosface", 0.2928, 0.2930),
        ("arcface", math.pi / 4 - 1e-4, math.pi / 4 + 1e-4),
        ("combined", 0.0928, 0.0930),
        ("subcenter_arcface", 0.78, 0.79),
    ],
)
def test_margin_beyond_the_bound_warns_once(name, fits, beyond):
    """Eight centres in the plane are at most 45 degrees apart: cosine .7071, margin .2929 (with m2 = 0, m3 + ...)."""
    options = {"m1": 1.0, "m2": 0.0, "m3": 0.2} if name == "combined" else {}
    key = "m3" if name == "combined" else "m"
    head = losses.create(name, in_features=2, num_classes=8, **options)
    x, labels = torch.randn(4, 2), torch.tensor([0, 1, 7, 3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        setattr(head, key, fits)
        head(x, labels)
    setattr(head, key, max(beyond, 0.2930) if name == "combined" else beyond)
    with pytest.warns(UserWarning, match=r"geometric bound.* 0\.7071.* 0\.2929") as said:
        head(x, labels)
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head(x, labels)


@pytest.mark.parametrize(("classes", "features"), [(8, 2), (5, 4), (10, 5)])
def test_a_margin_at_the_bound_does_not_warn(classes, features):
    head = losses.CosFace(features, classes, m=losses.max_margin(classes, features))
    assert head.beyond_bound() is None
    head.m += 1e-6
    assert "beyond the geometric bound" in head.beyond_bound()


def test_a_margin_beyond_the_bound_that_grows_on_warns_once():
    head = losses.CosFace(2, 8, m=0.5)
    x, labels = torch.randn(4, 2), torch.tensor([0, 1, 7, 3])
    with pytest.warns(UserWarning, match="geometric bound"):
        head(x, labels)
    head.m = 0.6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head(x, labels)


def test_a_margin_that_a_schedule_takes_beyond_the_bound_warns_then():
    head = losses.ASoftmax(2, 8, m=4, annealing=losses.LambdaAnnealing())
    x, labels = torch.randn(4, 2), torch.tensor([0, 1, 7, 3])
    head.beyond_bound = lambda: "beyond" if head.annealing.value < 900 else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head(x, labels)
    head.annealing.step()
    with pytest.warns(UserWarning, match="beyond"):
        head(x, labels)


def test_no_warning_where_the_bound_is_met():
    x, labels = torch.randn(4, 64), torch.tensor([0, 1, 7, 3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in losses.available():
            losses.create(name, in_features=64, num_classes=200)(x, labels)


@pytest.mark.parametrize("name", ["softmax", "lsoftmax", "asoftmax", "adaface", "magface"])
def test_embeddings_that_were_normalised_are_named_where_the_length_decides(name):
    x, labels = F.normalize(torch.randn(4, 64)), torch.tensor([0, 1, 7, 3])
    head = losses.create(name, in_features=64, num_classes=200)
    head(x[:1], labels[:1])  # one picture says nothing
    with pytest.warns(UserWarning, match="all embeddings given to .* have length 1") as said:
        head.logits(x, labels)
    assert said[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head(x, labels)  # once is enough
        losses.create(name, in_features=64, num_classes=200)(3 * x, labels)
        losses.create(name, in_features=64, num_classes=200)(torch.cat([x[:1], 3 * x[1:]]), labels)
        losses.create("cosface", in_features=64, num_classes=200)(x, labels)


@pytest.mark.parametrize("name", ["./mine.py:Mine", "..mine:Mine"])
def test_a_path_is_no_name_of_a_module(name):
    with pytest.raises(ValueError, match="wanted the name of a module, as in my_file:Mine, not a path"):
        losses.card(name)
