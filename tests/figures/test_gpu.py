"""Tables and figures of what ran on a GPU, against the records themselves."""

import matplotlib.pyplot as plt
import pytest

from cosface_edu.experiments import record
from cosface_edu.figures import gpu


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_every_record_is_of_a_gpu_and_finished() -> None:
    for name in ("checks", "heads", "networks", "casia", "chapters", "rates"):
        found = record.load(f"gpu-{name}")
        assert "H100" in found["hardware"]["gpu"], name
        assert found["finished"], name
        assert not found["note"].startswith("a tiny run"), name


def test_heads_are_ratios_to_the_product() -> None:
    found = record.load("gpu-heads")
    lines = gpu.heads(found).splitlines()
    rows = {(r["what"], r["C"], r["tf32"]): r for r in found["results"]["rows"]}
    cosface = next(line for line in lines if line.startswith("| CosFace |")).split("|")
    ratio = rows["cosface", 1_000_000, False]["ms"] / rows["bare product", 1_000_000, False]["ms"]
    assert float(cosface[4]) == pytest.approx(ratio, abs=0.005)
    assert ratio < 1.15
    assert len({line.count("|") for line in lines}) == 1


def test_compiled_heads_are_ratios_to_the_product_of_the_same_minute() -> None:
    found = record.load("gpu-rates")
    lines = gpu.compiled_heads(found).splitlines()
    row = next(r for r in found["results"]["rows"] if r["what"] == "plain form, compiled, C = 1000000, TF32 True")
    plain = [cell.strip() for cell in next(line for line in lines if line.startswith("| plain form")).split("|")]
    place = [cell.strip() for cell in lines[0].split("|")].index("1,000,000, TF32")
    assert float(plain[place]) == pytest.approx(row["ms"] / row["product_ms"], abs=0.005)
    assert len({line.count("|") for line in lines}) == 1


def test_rates_are_shares_of_what_they_say() -> None:
    found = record.load("gpu-rates")
    rows = {row["what"]: row for row in found["results"]["rows"]}
    cells = {line.split("|")[1].strip(): line.split("|")[2:] for line in gpu.rates(found).splitlines()}
    feed = rows["feed"]
    share = 100 * feed["sent from the host's"] / feed["one batch over and over"]
    assert float(cells["bytes sent from the host's memory"][1].split("%")[0]) == pytest.approx(share, abs=0.05)
    files = next(value for name, value in cells.items() if ".rec" in name)
    assert float(files[1].split("%")[0]) == pytest.approx(100 * files_share(rows["records"]), abs=0.05)
    assert len({line.count("|") for line in gpu.rates(found).splitlines()}) == 1
    assert all(head.strip() for head in gpu.rates(found).splitlines()[0].split("|")[2:-1])
    assert " %" not in gpu.rates(found)  # a number and its sign stay on a line


def files_share(row: dict) -> float:
    return row["per_s"] / row["decoder_per_s"]


def test_networks_give_the_hours_of_the_fastest_form() -> None:
    found = record.load("gpu-networks")
    more = record.load("gpu-rates")
    lines = gpu.networks(found, more).splitlines()
    row = next(line for line in lines if line.startswith("| sphereface64"))
    rate = next(
        r["forward_backward_per_s"]
        for r in found["results"]["rows"]
        if r["network"] == "sphereface64" and r["compiled"]
    )
    assert f"{30_000 * 512 / rate / 60:.0f} min" in row
    late = next(r for r in more["results"]["rows"] if r["what"] == "iresnet100, compiled")
    assert f" {late['forward_backward_per_s']:,.0f} |" in next(
        line for line in lines if line.startswith("| iresnet100")
    )
    assert found["results"]["feed"]["share, in its memory"] >= 0.95


def test_curves_begin_and_end_where_the_record_does() -> None:
    figure = gpu.loss_curves(record.load("gpu-casia"))
    lines = figure.axes[0].get_lines()
    published = [line for line in lines if line.get_linestyle() == "--"]
    assert len(published) == 4
    ours = [line for line in lines if str(line.get_label()).startswith("FaceWorld")]
    assert [round(max(line.get_xdata()), 1) for line in ours] == [0.3, 1.0]  # given up, and whole
    assert ours[0].get_ydata()[-1] > 0.9 > 0.1 > ours[1].get_ydata()[-1]


def test_more_distractors_are_harder() -> None:
    (line,) = gpu.million(record.load("gpu-casia")).axes[0].get_lines()
    assert list(line.get_xdata()) == [10**n for n in range(1, 7)]
    assert list(line.get_ydata()) == sorted(line.get_ydata(), reverse=True)


def test_no_chapter_failed() -> None:
    found = record.load("gpu-chapters")
    assert "none failed" in gpu.chapters(found)
    broken = found | {"results": found["results"] | {"chapters": {"x": {"cells": 1, "seconds": 1.0, "error": "Boom"}}}}
    assert "these failed: x" in gpu.chapters(broken)
