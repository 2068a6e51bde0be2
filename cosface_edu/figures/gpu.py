"""What ran on a GPU: the records of `experiments.jobs`, in tables and figures. Nothing is drawn without a record."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from cosface_edu import geometry
from cosface_edu.figures import style
from cosface_edu.figures.tables import table

Record = Mapping[str, Any]

#: Losses of published runs on CASIA-WebFace, s = 30, each the mean of a hundred steps (MuggleWang/CosFace_pytorch).
PUBLISHED_STEPS = (100, 1_058, 4_990, 9_980, 15_928, 16_586, 19_960, 24_450, 26_766)
PUBLISHED_LENGTH = 28_740
PUBLISHED: dict[str, tuple[float, tuple[float, ...]]] = {
    "sphereface20, m = 0.35": (0.35, (22.601, 18.983, 6.555, 5.477, 5.158, 3.232, 2.611, 1.888, 1.777)),
    "the same, another run": (0.35, (22.573, 19.106, 6.948, 5.550, 5.195, 3.319, 2.621, 1.930, 1.830)),
    "sphereface20, m = 0.40": (0.40, (24.127, 19.063, 7.463, 6.421, 6.044, 3.986, 3.242, 2.438, 2.331)),
    "LResNet50E-IR, m = 0.35": (0.35, (19.840, 10.110, 5.461, 4.955, 4.721, 2.880, 2.043, 1.215, 1.050)),
}


def _name(what: str) -> str:
    """A row of the job `heads` as the book writes it: its chunks are of 64 samples where it says no number."""
    named = what.replace("cosface", "CosFace").replace("arcface", "ArcFace")
    return named.replace("in chunks", "chunks of 64")


def heads(record: Record) -> str:
    """Time of heads as multiples of the bare product, at each number of classes, as Markdown.

    Args:
        record: of the job `heads`.
    """
    rows = record["results"]["rows"]
    sizes = sorted({row["C"] for row in rows if row["what"] == "bare product"})
    columns = [(C, tf32) for tf32 in (False, True) for C in sizes]
    wanted = ("cosface", "arcface", "cosface, in chunks", "plain form", "pytorch-metric-learning")

    def cell(what: str, C: int, tf32: bool, key: str, form: str) -> str:
        found = [r for r in rows if (r["what"], r["C"], r["tf32"]) == (what, C, tf32)]
        return format(found[0][key], form) if found and key in found[0] else "–"

    heading = ["", *(f"{C:,}{', TF32' if tf32 else ''}" for C, tf32 in columns)]
    body = [["the product itself, ms", *(cell("bare product", *c, "ms", ".2f") for c in columns)]]
    for what in wanted:
        body.append([_name(what), *(cell(what, *c, "times_the_product", ".2f") for c in columns)])
    return table(heading, body)


def memory(record: Record) -> str:
    """Peak memory at a million classes and at ten, as Markdown."""
    rows = [r for r in record["results"]["rows"] if r["C"] >= 1_000_000 and not r["tf32"] and "peak_gb" in r]
    least = "centres_and_gradient_gb"
    body = [
        [_name(r["what"]), f"{r['C']:,}", f"{r['ms']:.0f}", f"{r['peak_gb']:.2f}", f"{r['peak_gb'] / r[least]:.2f}"]
        for r in rows
        if r["what"] != "bare product" and "compiled" not in r["what"]
    ]
    return table(["", "classes", "ms a step", "peak GB", "× centres and their gradient"], body)


def compiled_heads(record: Record) -> str:
    """Time of heads through `torch.compile` as multiples of the bare product, and their peak memory, as Markdown.

    Args:
        record: of the job `rates`.
    """
    rows = {(r["what"].split(", compiled")[0], r["C"], r["tf32"]): r for r in record["results"]["rows"] if "C" in r}
    columns = list(dict.fromkeys((C, tf32) for _, C, tf32 in sorted(rows, key=lambda key: (key[2], key[1]))))
    largest = max(C for C, _ in columns)
    body = []
    for what in ("cosface", "arcface", "plain form", "pytorch-metric-learning"):
        peak = rows[what, largest, False]
        share = peak["peak_gb"] / peak["centres_and_gradient_gb"]
        times = [f"{rows[what, *column]['times_the_product']:.2f}" for column in columns]
        body.append([_name(what), *times, f"{peak['peak_gb']:.2f}", f"{share:.2f}"])
    heading = ["", *(f"{C:,}{', TF32' if tf32 else ''}" for C, tf32 in columns)]
    return table([*heading, f"peak GB at {largest:,}", "× centres and their gradient"], body)


def networks(record: Record, more: Record) -> str:
    """Images a second of each network, and the hours of the paper's two schedules, as Markdown.

    Args:
        record: of the job `networks`.
        more: of the job `rates`, with networks that the first had no time to compile.
    """
    by: dict[str, dict[bool, dict[str, Any]]] = {}
    for row in record["results"]["rows"]:
        by.setdefault(row["network"], {})[row["compiled"]] = row
    for row in more["results"]["rows"]:
        name = row["what"].split(", compiled")[0]
        if name in by:
            by[name][True] = row
    body = []
    for name, rows in by.items():
        plain, compiled = rows[False], rows.get(True, {})
        fastest = compiled if "hours" in compiled else plain
        small, large = fastest["hours"].values()
        body.append(
            [
                name,
                f"{plain['forward_per_s']:,.0f}",
                f"{plain['forward_backward_per_s']:,.0f}",
                f"{compiled['forward_backward_per_s']:,.0f}" if "hours" in compiled else "not run",
                f"{60 * small:.0f} min" if small < 1.5 else f"{small:.1f} h",
                f"{large:.1f} h",
            ]
        )
    heading = ["", "forward", "forward and backward", "the same, compiled", "CASIA schedule", "5 M images' schedule"]
    return table(heading, body)


def rates(record: Record) -> str:
    """What brings pictures to the network and how fast, as Markdown.

    Args:
        record: of the job `rates`.
    """
    rows = {row["what"]: row for row in record["results"]["rows"]}
    feed, files, drawn = rows["feed"], rows["records"], rows["drawing"]
    body = [["the loop on one batch over and over", f"{feed['one batch over and over']:,.0f}", "", ""]]
    for name, called in (
        ("in its memory", "bytes in the GPU's memory"),
        ("sent from the host's", "bytes sent from the host's memory"),
    ):
        body.append([called, f"{feed[name]:,.0f}", f"{100 * feed[f'share, {name}']:.1f}\u00a0%", "of that loop"])
    body.append(
        [
            f"JPEGs of a .rec through {files['workers']} processes, no network",
            f"{files['per_s']:,.0f}",
            f"{100 * files['share']:.1f}\u00a0%",
            f"of their decoder alone, {files['decoder_per_s']:,.0f}",
        ]
    )
    body.append(
        [
            "FaceWorld drawn at 112×96",
            f"{drawn['per_s']:,.0f}",
            f"{drawn['per_s'] / drawn['before_per_s']:.1f}\u00a0×",
            f"what a thousand at a time give, {drawn['before_per_s']:,.0f}",
        ]
    )
    if "drawing, compiled" in rows:
        fast = rows["drawing, compiled"]
        body.append(
            ["the same, compiled", f"{fast['per_s']:,.0f}", "", f"after {fast['first_seconds']:.0f} s of compiling"]
        )
    return table(["", "images/s", "compared", "with what"], body, "lrrl")


def _logged(lines: Sequence[str]) -> list[tuple[int, float]]:
    found = (re.match(r"step ([\d,]+): loss ([\d.]+)", line) for line in lines)
    return [(int(m[1].replace(",", "")), float(m[2])) for m in found if m]


def loss_curves(record: Record) -> Figure:
    """Loss over the start loss against the share of the schedule: ours, and four published runs on CASIA-WebFace.

    Args:
        record: of the job `casia`.
    """
    figure, axes = style.subplots(figsize=(6.4, 3.6))
    steps = [step / PUBLISHED_LENGTH for step in PUBLISHED_STEPS]
    for number, (m, losses) in enumerate(PUBLISHED.values()):
        start = geometry.start_loss(10_572, 30.0, m)
        label = "published runs on CASIA-WebFace (theirs)" if not number else None
        axes.plot(steps, [loss / start for loss in losses], "o--", color=style.GUIDE, markersize=3, label=label)
    colours = (style.WARN, style.loss("cosface"))
    for tried, colour in zip(record["results"]["tried"], colours, strict=False):
        config = tried["config"]
        start = geometry.start_loss(record["data"]["people"], config["loss_options"]["s"], config["loss_options"]["m"])
        curve = _logged(tried["log"]) if "log" in tried else [(h["step"], h["loss"]) for h in tried["history"]]
        share, height = zip(*((step / config["steps"], loss / start) for step, loss in curve), strict=True)
        axes.plot(share, height, color=colour, linewidth=1.4, label=f"FaceWorld: {tried['setting']}")
    axes.axhline(1, color=style.GUIDE, linewidth=0.8)
    axes.set(xlabel="share of the schedule", ylabel="loss / loss at the start", ylim=(0, 1.75))
    axes.legend(fontsize=8, frameon=False)
    return figure


def million(record: Record) -> Figure:
    """Rank-1 rate against the number of distractors, MegaFace's protocol with drawn people."""
    found = record["results"]["million"]["rank1"]
    figure, axes = style.subplots(figsize=(5.6, 3.0))
    sizes, rates = [int(size) for size in found], [100 * rate for rate in found.values()]
    axes.plot(sizes, rates, "o-", color=style.loss("cosface"))
    for size, rate in zip(sizes, rates, strict=True):
        axes.annotate(f"{rate:.1f}", (size, rate), (-3, -13), textcoords="offset points", ha="right", fontsize=8)
    axes.set(xscale="log", xlabel="distractors", ylabel="rank 1 (percent)")
    axes.set(xlim=(sizes[0] / 4, sizes[-1] * 2), ylim=(min(rates) - 3, 100.5))
    return figure


def chapters(record: Record) -> str:
    """What the chapters did on the GPU, in a sentence."""
    found = record["results"]["chapters"]
    failed = [name for name, chapter in found.items() if chapter.get("error")]
    slowest = max(found, key=lambda name: found[name]["seconds"])
    cells = sum(chapter["cells"] for chapter in found.values())
    trouble = f"these failed: {', '.join(failed)}" if failed else "none failed"
    return (
        f"{len(found)} chapters, {cells} cells: {trouble}. All together took {record['seconds']:.0f} s, "
        f"{record['results']['at_once']} at a time; the longest, {slowest}, took {found[slowest]['seconds']:.0f} s."
    )


def photographs(record: Record) -> str:
    """Accuracy and rates of a network that saw drawn people only, on lists of photographs, as Markdown."""
    names = {"pairsDevTest": "LFW, first view", "cfp-ff": "CFP, frontal against frontal"}
    body = [
        [
            names.get(name, name),
            f"{found['pairs']:,}",
            f"{100 * found['accuracy']:.2f} ± {100 * found['standard_error']:.2f}",
            f"{100 * found['eer']:.1f}",
            f"{100 * found['tar_at_far_0.01']:.1f}",
        ]
        for name, found in record["results"].items()
    ]
    return table(["", "pairs", "accuracy, percent", "EER, percent", "TAR at FAR 0.01, percent"], body)
