"""An explorer for live notebooks: choose loss, margin, scale and seed; a toy is trained and drawn, with progress."""

import io
from base64 import b64encode
from html import escape

import ipywidgets as widgets
from matplotlib.figure import Figure

from cosface_edu import losses
from cosface_edu.experiments import toy
from cosface_edu.figures import embeddings

# Of each loss with a margin: least, largest, step, start.
_MARGINS = {"cosface": (0.0, 0.6, 0.05, 0.2), "arcface": (0.0, 0.8, 0.05, 0.5), "asoftmax": (1.0, 4.0, 1.0, 4.0)}
_LOSSES = {losses.card(name).in_paper: name for name in ("softmax", "nsl", "asoftmax", "cosface", "arcface")}


def _picture(fig: Figure, alt: str) -> str:
    """A figure as HTML, with its alt text."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=140)
    data = b64encode(buffer.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" style="width: 100%; max-width: 44rem">'


class Explorer(widgets.VBox):
    """Controls, a progress bar and a picture. What was trained before comes from the cache.

    A built page shows the first state: its controls need the kernel, and say so.
    """

    def __init__(self) -> None:
        wide = {"layout": widgets.Layout(width="auto", max_width="26rem"), "style": {"description_width": "4.5rem"}}
        on_release = wide | {"continuous_update": False}
        self.loss = widgets.Dropdown(options=list(_LOSSES.items()), value="cosface", description="loss", **wide)
        self.m = widgets.FloatSlider(description="margin m", **on_release)
        self.s = widgets.FloatSlider(
            toy.ToyConfig.s, min=1, max=64, step=1, description="scale s", readout_format=".0f", **on_release
        )
        self.seed = widgets.BoundedIntText(0, min=0, max=999, description="seed", **wide)
        self.progress = widgets.IntProgress(0, min=0, max=1, description="", **wide)
        self.note = widgets.HTML()
        self.picture = widgets.HTML()
        controls = [self.loss, self.m, self.s, self.seed]
        super().__init__([*controls, self.progress, self.note, self.picture])
        self._fit_margin()
        self.draw()
        self.loss.observe(self._new_loss, "value")
        for control in controls[1:]:
            control.observe(lambda _: self.draw(), "value")

    def config(self) -> toy.ToyConfig:
        """What the controls say."""
        margin = {"m": self.m.value} if self.loss.value in _MARGINS else {}
        return toy.ToyConfig(loss=self.loss.value, s=self.s.value, seed=self.seed.value, **margin)

    def draw(self) -> None:
        """Train what the controls say, unless it is in the cache, and draw it."""
        config = self.config()
        run = toy.cached(config, self._advance)
        self.progress.value = self.progress.max
        self.note.value = (
            f"<b>{config.title}</b>, s = {config.s:g}, seed {config.seed}: {run.train_accuracy:.1%} of the training, "
            f"{run.test_accuracy:.1%} of the test images right. Trained in {run.seconds:.0f} s. "
            "Controls answer in a running notebook only."
        )
        self.picture.value = _picture(embeddings.euclidean_and_angular(run), embeddings.describe(run))

    def _advance(self, epoch: int, epochs: int, loss: float) -> None:
        self.progress.max, self.progress.value = epochs, epoch
        self.note.value = f"epoch {epoch} of {epochs}, loss {loss:.3f}"

    def _new_loss(self, _: object) -> None:
        moved = self.m.value
        self._fit_margin()
        if self.m.disabled or self.m.value == moved:  # else the margin's own observer draws
            self.draw()

    def _fit_margin(self) -> None:
        """The margin's range is the loss's; no margin, no slider."""
        limits = _MARGINS.get(self.loss.value)
        self.m.disabled = limits is None
        self.s.disabled = self.loss.value in ("softmax", "asoftmax")
        if limits:
            low, high, step, start = limits
            with self.m.hold_trait_notifications():
                self.m.min, self.m.max, self.m.step, self.m.value = low, high, step, start


def explorer() -> Explorer:
    """The explorer, ready to be shown as a cell's value."""
    return Explorer()
