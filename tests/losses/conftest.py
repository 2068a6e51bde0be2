"""What the tests of the losses share: every head by name, small scales, and batches."""

import pytest

from cosface_edu import losses

# s = 10 keeps posteriors away from 0 and 1, where a wrong gradient would hide.
OPTIONS: dict[str, tuple[str, dict]] = {
    "softmax": ("softmax", {}),
    "nsl": ("nsl", {"s": 10.0}),
    "nsl, length kept": ("nsl", {"s": None}),
    "lsoftmax": ("lsoftmax", {"m": 2}),
    "lsoftmax, annealed": ("lsoftmax", {"m": 4, "annealing": losses.LambdaAnnealing(base=3, floor=3)}),
    "asoftmax m=1": ("asoftmax", {"m": 1}),
    "asoftmax m=2": ("asoftmax", {"m": 2}),
    "asoftmax m=3": ("asoftmax", {"m": 3}),
    "asoftmax m=4": ("asoftmax", {"m": 4}),
    "asoftmax, annealed": ("asoftmax", {"m": 4, "annealing": losses.LambdaAnnealing(base=3, floor=3)}),
    "asoftmax_normfea": ("asoftmax_normfea", {"s": 5.0, "m": 3}),
    "sphereface_r, 1": ("sphereface_r", {"s": 10.0, "m": 1.4}),
    "sphereface_r, 2": ("sphereface_r", {"s": 10.0, "m": 1.4, "version": 2}),
    "sphereface2": ("sphereface2", {"r": 8.0, "t": 3.0}),
    "cosface": ("cosface", {"s": 10.0, "m": 0.35}),
    "cosface, length kept": ("cosface", {"s": None, "m": 0.35}),
    "arcface": ("arcface", {"s": 10.0, "m": 0.5}),
    "arcface, exact": ("arcface", {"s": 10.0, "m": 0.5, "beyond_pi": "exact"}),
    "combined": ("combined", {"s": 10.0, "m1": 0.9, "m2": 0.4, "m3": 0.15}),
    "combined m1>1": ("combined", {"s": 10.0, "m1": 1.3, "m2": 0.2, "m3": 0.1}),
    "subcenter_arcface": ("subcenter_arcface", {"s": 10.0, "m": 0.5, "sub_centers": 3}),
    "curricularface": ("curricularface", {"s": 10.0, "m": 0.5}),
    "magface": ("magface", {"s": 10.0, "lower": 1.0, "upper": 3.0, "weight_g": 2.0}),
    "adaface": ("adaface", {"s": 10.0}),
    "elastic_cosface": ("elastic_cosface", {"s": 10.0}),
    "elastic_arcface": ("elastic_arcface", {"s": 10.0}),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `make` or `case` runs for every head, but for those that its marker `without` names."""
    if "case" in metafunc.fixturenames:
        skipped = [name for mark in metafunc.definition.iter_markers("without") for name in mark.args]
        metafunc.parametrize("case", [case for case in OPTIONS if case not in skipped], scope="module")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "without(*cases): heads that a test of every head leaves out, with the reason")


@pytest.fixture
def make(case):
    """make(in_features, num_classes, **changes): the head of this case, with running statistics not at their start."""
    name, options = OPTIONS[case]

    def create(in_features: int, num_classes: int, **changes) -> losses.Head:
        head = losses.create(name, in_features=in_features, num_classes=num_classes, **{**options, **changes})
        if isinstance(head, losses.CurricularFace):
            head.t.fill_(0.3)
        if isinstance(head, losses.AdaFace):
            head.mean.fill_(2.0)
            head.std.fill_(0.5)
        return head

    return create
