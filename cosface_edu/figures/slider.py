"""The margin slider: every frame is a trained toy at an epoch; moves in a built page with no kernel and no network."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from cosface_edu.experiments import toy
from cosface_edu.figures import embeddings, frontend, style
from cosface_edu.figures.lab import bundle
from cosface_edu.losses.margins import NoMargin

_SCRIPT = Path(__file__).with_name("slider.js")
# Coordinates are whole numbers in thousandths of the panel's half width: plotly packs them into two bytes each.
_UNIT = 1000
_SAMPLES = 36  # of an identity in a frame
# Below 560 px of width the panels stand one above the other.
_WIDE = {
    "height": 338,
    "xaxis.domain": [0, 0.49],
    "yaxis.domain": [0, 1],
    "xaxis2.domain": [0.51, 1],
    "yaxis2.domain": [0, 1],
}
_NARROW = {
    "height": 658,
    "xaxis.domain": [0, 1],
    "yaxis.domain": [0.51, 1],
    "xaxis2.domain": [0, 1],
    "yaxis2.domain": [0, 0.49],
}


def _whole(x: NDArray[Any], y: NDArray[Any]) -> dict[str, NDArray[np.int16]]:
    points = np.stack([np.asarray(x), np.asarray(y)]) * _UNIT
    x, y = np.clip(np.rint(points), -32000, 32000).astype(np.int16)
    return {"x": x, "y": y}


def _sector(start: float, end: float, radius: float) -> dict[str, NDArray[np.int16]]:
    if not end > start:  # NaN too: no direction meets the margin
        start = end = 0.0
        radius = 0.0
    arc = np.linspace(start, end, 7)
    return _whole(np.r_[0, radius * np.cos(arc)], np.r_[0, radius * np.sin(arc)])


def _spokes(directions: NDArray[Any], radius: float) -> dict[str, NDArray[np.int16]]:
    """Origin, first centre, origin, second centre, …: one line, of which markers show every second point."""
    points = np.zeros((2 * len(directions), 2))
    points[1::2] = radius * directions
    return _whole(points[:, 0], points[:, 1])


def _outline(edges: NDArray[Any], bars: NDArray[Any]) -> dict[str, NDArray[np.int16]]:
    """A class's frequency polygon as a closed path around the circle, cut to where the class has samples."""
    base, tallest = 1.06, 0.4
    if not bars.any():
        return _whole(np.zeros(1), np.zeros(1))
    empty = np.flatnonzero(bars == 0)
    # start after the longest hole, so that the path does not run around the whole circle
    first = (empty[np.argmax(np.diff(np.r_[empty, empty[0] + len(bars)]))] + 1) if len(empty) else 0
    turned = np.roll(bars, -first)
    turned = turned[: np.flatnonzero(turned)[-1] + 1]
    width = edges[1] - edges[0]
    angles = edges[0] + width * (
        first + np.arange(-0.5, len(turned) + 1)
    )  # middles of the bins, one more on either side
    back = angles[[*range(len(angles) - 1, 0, -3), 0]]
    radius = base + tallest * np.r_[0, turned, 0]
    angle, radius = np.r_[angles, back], np.r_[radius, np.full(len(back), base)]
    return _whole(radius * np.cos(angle), radius * np.sin(angle))


def _frame(run: toy.ToyRun, epoch: int, scale: float) -> list[dict[str, NDArray[np.int16]]]:
    """Coordinates of all traces of a frame, in the order of `_traces`."""
    centres = run.centres[epoch]
    directions = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    classes = range(len(centres))
    at_epoch = embeddings.wedges(run, epoch)
    inside = {label: (start, end) for label, start, end in at_epoch}
    regions = {label: (start, end) for label, start, end in embeddings.wedges(run, epoch, NoMargin())}
    edges, density = embeddings.density(run, epoch, bins=90)
    traces = [_sector(*regions[c], radius=2.0) for c in classes]
    for c in classes:
        x, y = run.features[epoch][embeddings.drawn(run.labels, c, _SAMPLES)].T / scale
        traces.append(_whole(x, y))
    traces.append(_spokes(directions, 1.0))
    traces += [_sector(*inside[c], radius=1.0) for c in classes]
    traces += [_outline(edges, density[c]) for c in classes]
    traces.append(_spokes(directions, 1.0))
    return traces


def _traces(names: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    """Panel (1 Euclidean, 2 angular) and looks of every trace, without coordinates."""
    classes = range(len(names))
    area: dict[str, Any] = {"mode": "none", "fill": "toself", "hoverinfo": "skip", "showlegend": False}
    points = [embeddings.colour(c) for c in classes for _ in range(2)]
    spokes = {
        "mode": "lines+markers",
        "line": {"color": style.GUIDE, "width": 1},
        "marker": {
            "color": points,
            "size": [0, 11] * len(names),
            "symbol": [style.PLOTLY_MARKERS[c % 8] for c in classes for _ in range(2)],
            "opacity": 1,
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }

    def tint(label: int, strength: float) -> str:
        red, green, blue = (int(embeddings.colour(label)[i : i + 2], 16) for i in (1, 3, 5))
        return f"rgba({red},{green},{blue},{strength})"

    return [
        *((1, area | {"fillcolor": tint(c, 0.14)}) for c in classes),
        *(
            (
                1,
                {
                    "mode": "markers",
                    "name": names[c],
                    "marker": {
                        "color": embeddings.colour(c),
                        "symbol": style.PLOTLY_MARKERS[c % 8],
                        "size": 5,
                        "opacity": 0.8,
                    },
                    "hoverinfo": "name",
                },
            )
            for c in classes
        ),
        (1, spokes),
        *((2, area | {"fillcolor": tint(c, 0.28)}) for c in classes),
        *((2, area | {"fillcolor": tint(c, 0.95)}) for c in classes),
        (2, spokes),
    ]


def _epochs(count: int) -> list[int]:
    """Epochs worth a frame: all of the first, then every second, and the last."""
    return sorted({0, 1, 2, 3, *range(4, count, 2), count - 1} & set(range(count)))


def _said(run: toy.ToyRun, epoch: int) -> str:
    """What the frame shows, in numbers."""
    gap = np.degrees(run.cloud_gaps(epoch).mean())
    clouds = f"are {gap:.0f}° apart" if gap > 0 else f"overlap by {-gap:.0f}°"
    return (
        f"m = {run.config.m:g}, after epoch {epoch}: {run.train_accuracies[epoch]:.1%} of the training and "
        f"{run.test_accuracies[epoch]:.1%} of the test images right; neighbouring clouds {clouds} on average, "
        f"class centres at least {np.degrees(run.centre_gaps(epoch).min()):.0f}°."
    )


def margin_slider(runs: Sequence[toy.ToyRun]) -> go.Figure:
    """Trained toys, a frame for each margin and each epoch of training; `to_page_html` adds what moves between them.

    Without, the figure stands still at the margin next to 0.2: plotly's own sliders do not answer to the keyboard.

    Args:
        runs: of losses that normalise their centres, differing in m, with the same number of epochs.

    Returns:
        A figure whose frames are named "<index of the run>|<index of the epoch>".
    """
    epochs = _epochs(len(runs[0].centres))
    start = min(range(len(runs)), key=lambda i: abs((runs[i].config.m or 0) - 0.2))
    scales = [max(embeddings.reach(run, e) for e in epochs) for run in runs]
    looks = _traces([str(name) for name in runs[start].names])
    fig = make_subplots(rows=1, cols=2)
    for (panel, look), data in zip(looks, _frame(runs[start], epochs[-1], scales[start]), strict=True):
        fig.add_trace(go.Scatter(**look, **data), row=1, col=panel)
    turn = np.linspace(0, 2 * np.pi, 91)
    circle = {"mode": "lines", "line": {"color": style.GUIDE, "width": 1}, "hoverinfo": "skip", "showlegend": False}
    fig.add_trace(go.Scatter(**circle, **_whole(np.cos(turn), np.sin(turn))), row=1, col=2)
    fig.frames = [
        go.Frame(
            name=f"{i}|{k}",
            data=[go.Scatter(**data) for data in _frame(run, epoch, scales[i])],
            traces=list(range(len(looks))),
        )
        for i, run in enumerate(runs)
        for k, epoch in enumerate(epochs)
    ]
    fig.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 8, "t": 10, "b": 8},
        showlegend=False,
        dragmode=False,
    )
    hidden = {"visible": False, "fixedrange": True, "constrain": "domain"}
    fig.update_xaxes(hidden)
    fig.update_yaxes(hidden)
    for panel, half in ((1, 1.05), (2, 1.5)):
        limits = [-half * _UNIT, half * _UNIT]
        fig.update_xaxes(range=limits, row=1, col=panel)
        fig.update_yaxes(range=limits, scaleanchor="x" if panel == 1 else "x2", row=1, col=panel)
    fig.layout.meta = {
        "start": start,
        "margins": [f"{run.config.m:g}" for run in runs],
        "epochs": epochs,
        "texts": [[_said(run, epoch) for epoch in epochs] for run in runs],
    }
    return fig.update_layout({k.replace(".", "_"): v for k, v in _WIDE.items()})


def plotly_source() -> str | bool:
    """Where a page finds plotly.js: beside the built pages; a notebook gets the whole script inside."""
    return True if frontend.carries_all() else "../_static/plotly.min.js"


_LABEL = "Margin slider: features of eight identities in the plane and on the unit circle, for trained models."


def _range(words: str, count: int, start: int) -> str:
    """A slider over the places 0 … count - 1; the script writes the value at its place beside the words."""
    return (
        f'<label class="ml-field">{words} <span class="ml-out" aria-hidden="true"></span><span class="ml-track">'
        f'<input type="range" min="0" max="{count - 1}" value="{start}" autocomplete="off"></span></label>'
    )


def to_page_html(fig: go.Figure, include_plotlyjs: str | bool | None = None, static: str = "../_static") -> str:
    """A margin slider as a piece of HTML for a page: controls, the figure, and a line that says what it shows.

    Args:
        fig: from `margin_slider`.
        include_plotlyjs: path of plotly.min.js as the page sees it; True puts the script into the piece (4.8 MB). By
            default what `plotly_source` says.
        static: path from the page to the folder that `lab.write_assets` filled: the looks of the controls, and the
            picture for readers without script.
    """
    name = "margin-slider-" + uuid.uuid4().hex[:8]
    meta = fig.layout.meta
    # A classic script: ES modules do not load from disk.
    source = bundle.join({"slider.js": _SCRIPT.read_text(encoding="utf-8")})
    parts = json.dumps({**meta, "narrow": _NARROW, "wide": _WIDE}, ensure_ascii=False)
    script = f"(() => {{\n{source}marginSlider({json.dumps(name)}, {parts});\n}})();"
    # Without script there is no room to be kept for it; the script gives the figure its height.
    bare = go.Figure(fig).update_layout(meta=None, height=None)
    drawn = bare.to_html(
        full_html=False,
        include_plotlyjs=plotly_source() if include_plotlyjs is None else include_plotlyjs,
        auto_play=False,
        div_id=name,
        post_script=script,
        config={"displayModeBar": False, "responsive": True},
    )
    last = len(meta["epochs"]) - 1
    still = frontend.picture(static, "live-slider.webp", bundle.FOLDER / "live-slider.webp")
    return (
        f"{frontend.sheet(static, 'margin-lab.css', bundle.style)}\n"
        f'<figure class="plot-figure ml ml-live" role="group" aria-label="{_LABEL}">'
        '<div class="ml-bar" role="group" aria-label="Margin and training" hidden>'
        f"{_range('margin m', len(meta['margins']), meta['start'])}"
        f"{_range('after epoch', last + 1, last)}"
        '<div class="ml-buttons"><button type="button"></button></div></div>'
        f'<figcaption aria-live="polite">{meta["texts"][meta["start"]][last]}</figcaption>{drawn}'
        f'<noscript><img src="{still}" alt="{_LABEL}" style="max-width: 100%"></noscript></figure>'
    )


def margin_slider_html(runs: Sequence[toy.ToyRun]) -> str:
    """`margin_slider`, ready for a page: `HTML(margin_slider_html(toy.grid()))`.

    Args:
        runs: trained toys, one for each margin.

    Returns:
        HTML.
    """
    return to_page_html(margin_slider(runs))
