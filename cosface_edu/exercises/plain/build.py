"""Checks of the thread "Build CosFace yourself": five pieces in five chapters, see `built`."""

from cosface_edu.exercises import built, exercise


@exercise("build-scores", chapter="softmax", hint="For one centre: multiply entry by entry, then add up.")
def _scores(answer) -> str:
    return built.check_scores(answer)


@exercise("build-cosines", chapter="nsl", hint="Divide each vector by its length first; then a score is a cosine.")
def _cosines(answer) -> str:
    return built.check_cosines(answer)


@exercise("build-loss", chapter="lmcl", hint="Only entry y loses m; take the largest score out of exp.")
def _loss(answer) -> str:
    return built.check_loss(answer)


@exercise("build-gradient", chapter="gradients", hint="First in each cosine: s(p - 1) or s·p; then in the vectors.")
def _gradient(answer) -> str:
    return built.check_gradient(answer)


@exercise("build-step", chapter="margin-lab", hint="Divide loss and gradients by n, and move W once, at the end.")
def _step(answer) -> str:
    return built.check_step(answer)
