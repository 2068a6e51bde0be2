"""Checks of the thread "Build CosFace yourself": five pieces in five chapters, see `built`."""

from cosface_edu.exercises import built, exercise

exercise("build-scores")(built.check_scores)
exercise("build-cosines")(built.check_cosines)
exercise("build-loss")(built.check_loss)
exercise("build-gradient")(built.check_gradient)
exercise("build-step")(built.check_step)
