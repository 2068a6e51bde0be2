"""The paper's tables as the book quotes them: a few cells by hand, and the arithmetic on them."""

import pytest

from cosface_edu.figures import paper


def test_cells_read_off_the_paper() -> None:
    assert paper.column("table2", "LFW")["LMCL"] == 99.33
    assert paper.column("table3", "LFW")["CosFace"] == 99.73
    assert paper.column("table1", "MF1 verification") == {"no": 88.65, "yes": 89.88}
    assert "Baidu" not in paper.column("table3", "YTF")


def test_what_is_done_to_the_tables_is_one_s_own() -> None:
    paper.tables().clear()
    assert paper.tables()


def test_leads_by_the_table_are_not_those_of_the_text() -> None:
    rank1, verification = paper.column("table5", "rank 1"), paper.column("table5", "verification")
    assert rank1["CosFace, 3 patches"] - rank1["GRCCV"] == pytest.approx(1.29)
    assert verification["CosFace, 3 patches"] - verification["SphereFace"] == pytest.approx(6.08)


def test_wilson_interval_by_its_closed_form() -> None:
    n, p, z = 6000, 5960 / 6000, 1.959964
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    assert paper.interval(100 * p, n) == pytest.approx((100 * (centre - half), 100 * (centre + half)), abs=1e-4)


def test_markdown_names_its_owner() -> None:
    assert paper.markdown("table3").startswith("**The paper's:**")
    assert "| Baidu | 1.3M | 1 | 99.13 | – |" in paper.markdown("table3")


def test_a_column_keeps_its_decimals() -> None:
    assert "| L-Softmax | 99.10 | 94.0 |" in paper.markdown("table2")
    assert "| no | 99.10 | 93.1 | 75.10 | 88.65 |" in paper.markdown("table1")


def test_lfw_separates_what_the_chapter_says() -> None:
    lfw = paper.column("table2", "LFW")
    p = {name: paper.difference(lfw["A-Softmax"], value, 6000)[1] for name, value in lfw.items()}
    assert p["A-Softmax-NormFea"] > 0.2
    assert p["LMCL"] > 0.2
    for borderline in ("L-Softmax", "Softmax + Center"):
        assert 0.01 < p[borderline] < 0.05
    z, _ = paper.difference(99.42, 99.05, 6000)
    assert z == pytest.approx(2.3, abs=0.05)
