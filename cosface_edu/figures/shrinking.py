"""Features that LMCL shortens to nothing: lengths and losses of the first steps, drawn."""

import math
from collections.abc import Mapping

from matplotlib.figure import Figure

from cosface_edu.experiments.lengths import Lengths
from cosface_edu.figures import style


def first_steps(runs: Mapping[str, Lengths], classes: int = 200) -> Figure:
    """Mean ‖x‖ (above, logarithmic) and loss (below, with ln C dotted) against the step.

    Args:
        runs: by the name in the legend.
        classes: C.
    """
    figure, (above, below) = style.subplots(2, 1, figsize=(5.6, 5.6), sharex=True)
    for (name, run), colour, line in zip(runs.items(), style.CYCLE, style.LINES, strict=False):
        above.plot(run.length, color=colour, linestyle=line, label=name)
        below.plot(run.loss, color=colour, linestyle=line)
    below.axhline(math.log(classes), color=style.GUIDE, linestyle=":", linewidth=1)
    above.set(yscale="log", ylabel="mean ‖x‖ of the batch")
    above.legend(fontsize=9)
    below.set(xlabel="step", ylabel="loss", ylim=(0, None))
    return figure
