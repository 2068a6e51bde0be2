// Made by `python -m cosface_edu.figures.lab.make_palette`; do not edit.
export const PEOPLE = ["#1a6aac", "#c58500", "#0a9766", "#e863bb", "#2a9af0", "#cf4102", "#6f673b", "#a14184", "#919191", "#7a5be6"];
export const GENUINE = "#1a6aac";
export const IMPOSTOR = "#cf4102";
