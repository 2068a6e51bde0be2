// Made by `python -m cosface_edu.figures.lab.make_palette`; do not edit.
export const PEOPLE = ["#0b84c6", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b3a125", "#b0468a", "#8c8c8c", "#7d74dd"];
export const GENUINE = "#0b84c6";
export const IMPOSTOR = "#d55e00";
