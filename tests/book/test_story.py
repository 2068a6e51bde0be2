"""The two who look alike, from page to page: what the chapters say of B and H, asked of the record."""

import re
from pathlib import Path

import numpy as np
import pytest

from cosface_edu.experiments import lookalikes, shipped

BOOK = Path(__file__).resolve().parents[2] / "book"
# Where the two are met, in the book's order.
PAGES = ("verification", "softmax", "a-softmax", "lmcl", "eight-identities", "how-large-m", "rehearsal", "arcface")


@pytest.mark.parametrize("page", PAGES)
def test_the_two_are_met_on(page: str) -> None:
    text = (BOOK / f"{page}.md").read_text()
    assert "lookalikes." in text
    assert re.search(r"\bB\*{0,2} and \*{0,2}H\b", text)


def test_the_cover_marks_the_same_two() -> None:
    cover = (Path(__file__).parents[1] / "lab" / "cover.test.mjs").read_text()
    assert f"lookAlikes(train), [{lookalikes.PAIR[0]}, {lookalikes.PAIR[1]}]" in cover


def test_what_the_losses_do_to_the_two_with_every_seed() -> None:
    """What the chapters conclude of B and H: from the record, since one training is one processor's."""
    rows = shipped.recorded("lookalikes")["runs"]

    def of(loss: str, what: str, m: float | None = None) -> np.ndarray:
        return np.array([row[what] for row in lookalikes.chosen(rows, loss, m)])

    assert (of("softmax", "apart") > 45).all()
    assert (of("softmax", "gap") <= of("softmax", "least_gap") + 0.1).all()
    nsl, margin = of("cosface", "gap", 0.0), of("cosface", "gap", 0.2)
    assert (margin > nsl).sum() == 6
    assert margin.mean() > nsl.mean() + 5
    for m in (0.29, 0.35):
        assert of("cosface", "gap", m).std() < nsl.std() / 3
    assert (of("asoftmax", "apart") < 42).all()
    assert (of("asoftmax", "asked") < 12.5).all()
    assert abs(of("arcface", "gap").mean() - margin.mean()) < 5
    assert [round(end) for end in (nsl.min(), nsl.max())] == [4, 24]
    assert [round(end) for end in (of("softmax", "gap").min(), of("softmax", "gap").max())] == [18, 20]
    up_to = [of("cosface", "gap", m) <= of("cosface", "least_gap", m) + 0.1 for m in (0.0, 0.1, 0.2, 0.29, 0.35)]
    assert sum((~narrowest).sum() for narrowest in up_to) == 1
    assert (of("arcface", "gap") <= of("arcface", "least_gap") + 0.1).sum() == 6
    theirs = of("asoftmax", "gap") <= of("asoftmax", "least_gap") + 0.1
    assert theirs.sum() == 2
    past, far = of("cosface", "gap", 0.35), of("cosface", "gap", 0.5)
    assert abs(past.mean() - of("cosface", "gap", 0.29).mean()) < 1
    assert far.mean() < margin.mean() - 5
    assert [round(end) for end in (far.min(), far.max(), of("cosface", "mean_gap", 0.5).mean())] == [4, 28, 34]
    assert (far <= of("cosface", "least_gap", 0.5) + 0.1).sum() == 4
    assert far.std() > 3 * of("cosface", "mean_gap", 0.5).std()


ALLOWED = ("1e-6", "torch.equal(", "lookalikes.PAIR")  # exact, or of nothing that was trained here


@pytest.mark.parametrize("page", sorted(BOOK.glob("*.md")), ids=lambda path: path.stem)
def test_no_cell_stops_where_a_training_came_out_otherwise(page: Path) -> None:
    """Another processor rounds otherwise, which for a training is another seed: `page.ours` says so and goes on."""
    cells = re.findall(r"^```\{code-cell\}.*?^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    claims = [line for cell in cells for line in cell.splitlines() if re.match(r"\s*assert\b", line)]
    unsure = [line for line in claims if not any(sign in line for sign in ALLOWED)]
    assert unsure == UNTRAINED.get(page.stem, [])


#: Claims of given samples, of a network that has learned nothing yet, and of galleries in one another.
UNTRAINED = {
    "how-large-s": ["assert learned[0.0] > learned[0.2] > learned[0.35] and perfect == sorted(perfect, reverse=True)"],
    "network": ["assert max(map(max, changes.values())) < 0.5 and two_people.min() > 0.4"],
    "verification": ["assert len(small.ranks) == len(found.ranks) and small.rank(1) > found.rank(1)"],
}
