"""The Margin Lab in a headless, offline Chromium, its page opened straight from disk."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cosface_edu.figures import lab
from cosface_edu.figures.lab import bundle, speed

pytestmark = pytest.mark.browser

HEAD = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{}</title>'


@pytest.fixture(scope="module")
def address(built_page, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A built page with the lab: file://…/book/lab.html beside file://…/_static."""
    folder = tmp_path_factory.mktemp("site")
    lab.write_assets(folder / "_static")
    page = folder / "book" / "lab.html"
    page.parent.mkdir()
    head = HEAD.format("Lab")
    body = lab.html(static="../_static")
    page.write_text(f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>', encoding="utf-8")
    return page.as_uri()


class Lab:
    """What the tests do to a page with a lab."""

    def __init__(self, page) -> None:
        self.page = page

    def read(self, expression: str):
        """The value of an expression in which `lab` is the lab's handle."""
        return self.page.evaluate(
            f"(() => {{ const lab = document.querySelector('.ml').lab; return {expression}; }})()"
        )

    def state(self) -> dict:
        """Setting and margins, in the lab's own names."""
        return self.read("({...lab.state(), ...lab.engine.config()})")

    def wait(self, condition: str) -> None:
        self.page.wait_for_function(
            f"(() => {{ const lab = document.querySelector('.ml').lab; return {condition}; }})()"
        )

    def steps_when(self, condition: str) -> int:
        """How many steps there were when a condition was first seen to be true."""
        return self.page.wait_for_function(
            f"(() => {{ const lab = document.querySelector('.ml').lab; return {condition} && lab.engine.steps; }})()"
        ).json_value()

    def do(self, action: str) -> None:
        self.page.click(f'[data-do="{action}"]')

    def frame(self) -> None:
        """Some frames: what was asked for is drawn, on a busy machine too."""
        for _ in range(3):
            self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            self.page.wait_for_timeout(20)

    def pause(self) -> None:
        if self.read("lab.playing()"):
            self.do("play")
        self.frame()

    def put(self, name: str, value: object) -> None:
        """Sets a control as a hand would: slider and number by input, select by choice."""
        control = self.page.locator(f'[data-in="{name}"]')
        if control.evaluate("node => node.tagName") == "SELECT":
            control.select_option(str(value))
        else:
            control.fill(str(value))
        self.frame()

    def picture(self, view: str) -> str:
        return self.page.locator(f'[data-view="{view}"]').evaluate("canvas => canvas.toDataURL()")

    def at(self, view: str, spot: list[float]) -> tuple[float, float]:
        """Page coordinates of a place on a view, scrolled into sight."""
        canvas = self.page.locator(f'[data-view="{view}"]')
        canvas.evaluate("node => node.scrollIntoView({block: 'center'})")
        self.frame()
        box = canvas.bounding_box()
        return box["x"] + spot[0], box["y"] + spot[1]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        for share in (0.3, 0.7, 1.0):
            mouse.move(*(a + share * (b - a) for a, b in zip(start, end, strict=True)))
        mouse.up()
        self.frame()


@pytest.fixture
def open_lab(open_page, address) -> Callable[..., Lab]:
    """`open_lab(hash="", **options)` -> Lab with its first picture drawn."""

    def open_(mark: str = "", **options: object) -> Lab:
        page = open_page(**options).page
        page.goto(address + mark)
        page.wait_for_function("document.querySelector('.ml')?.lab.stats.frames > 0")
        return Lab(page)

    return open_


def test_trains_by_itself_and_every_view_is_drawn(open_lab) -> None:
    opened = open_lab(height=1500)
    began = opened.read("lab.engine.steps")
    opened.wait(f"lab.engine.steps > {began + 30}")
    blank = "c => !c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v)"
    canvases = opened.page.locator("[data-view]")
    assert canvases.count() == 7
    assert not any(canvas.evaluate(blank) for canvas in canvases.all())
    assert not opened.page.locator(".ml-face").evaluate(blank)
    opened.do("play")
    steps = opened.read("lab.engine.steps")
    opened.frame()
    assert opened.read("lab.engine.steps") == steps
    assert "Paused at step" in opened.page.inner_text("[data-live]")
    opened.do("step")
    opened.frame()
    assert opened.read("lab.engine.steps") == steps + 1
    opened.do("reset")
    opened.frame()
    assert opened.read("lab.engine.steps") == 0


SMOOTH = "(lab.engine.history.slice(-10).reduce((sum, {gap}) => sum + gap, 0) / 10 * 180 / Math.PI)"


def test_dragging_m_closes_the_gap_and_opens_it_within_seconds(open_lab, capsys) -> None:
    """On this machine beside other work: the seconds are printed; the steps, three seconds' worth, are the test."""
    opened = open_lab()
    began = opened.read("lab.engine.steps")
    assert began >= 1000  # trained
    assert opened.read("lab.engine.figures.gap") > math.radians(33)
    box = opened.page.locator('[data-in="m"]').bounding_box()
    places = {m: (box["x"] + 8 + (box["width"] - 16) * m / 0.6, box["y"] + box["height"] / 2) for m in (0, 0.2)}
    opened.wait(f"lab.engine.steps > {began + 10}")
    spent = []
    for start, end, reached in ((0.2, 0, f"{SMOOTH} < 32"), (0, 0.2, f"{SMOOTH} > 34.5")):
        opened.drag(places[start], places[end])
        # it trains on while this process, beside other work, drags and asks: counted is from one look to another
        steps, at = opened.read("lab.engine.steps"), time.perf_counter()
        assert opened.state()["m"] == pytest.approx(end, abs=0.02)
        spent.append((opened.steps_when(reached) - steps, time.perf_counter() - at))
    with capsys.disabled():
        print(f"\nMargin Lab, gap closed and opened again after (steps, s): {spent}")
    assert all(steps <= 150 for steps, _ in spent)
    assert "bound 0.293" in opened.page.inner_text('[data-out="m"]')
    assert opened.page.locator('[data-limit="m"]').is_visible()


def test_s_tells_what_it_makes_of_m(open_lab) -> None:
    opened = open_lab()
    opened.pause()
    why = opened.page.locator(".ml-why")
    opened.put("m", 0)
    assert "zone without a pull" in why.inner_text()
    opened.put("s", 12)
    assert "the pull goes on to the centre" in why.inner_text()
    opened.put("m", 0.4)
    assert "Not even its own centre" in why.inner_text()
    opened.put("loss", "softmax")
    assert "length of the feature" in why.inner_text()


def test_ones_own_margin_moves_every_view_and_is_shared_by_its_address(open_lab, address) -> None:
    opened = open_lab("#lab&loss=own", height=1600)
    opened.pause()
    formula, verdict = opened.page.locator('[data-in="psi"]'), opened.page.locator(".ml-verdict")
    assert formula.input_value() == "cosθ - m"
    views = ("circle", "plane", "target", "gradient", "gauge")
    before = {view: opened.picture(view) for view in views}
    formula.fill("cos(θ + m) - 0.1")
    opened.pause()
    assert "rises with θ between" in verdict.inner_text()
    assert all(opened.picture(view) != picture for view, picture in before.items())
    opened.do("step")
    opened.frame()
    assert opened.read("Number.isFinite(lab.engine.figures.loss)")
    opened.page.wait_for_function("location.hash.includes('psi=')")
    link = opened.page.evaluate("location.hash")
    assert open_lab(link).state()["psi"] == "cos(θ + m) - 0.1"
    formula.fill("cos(θ +")
    assert "ends too early" in verdict.inner_text()
    opened.put("s", 20)
    opened.put("loss", "cosface")
    opened.put("loss", "own")
    assert formula.input_value() == "cos(θ +"
    assert opened.state()["psi"] == "cos(θ + m) - 0.1"
    opened.page.locator("[data-gallery]").select_option(label="ArcFace")
    opened.frame()
    assert opened.state()["psi"] == "unrolled(θ + m)"
    assert "CurricularFace" in verdict.inner_text()
    opened.put("m", 0.9)
    assert "bound 0.785" in opened.page.inner_text('[data-out="m"]')
    opened.put("loss", "cosface")
    assert formula.is_hidden()


def test_an_address_cannot_run_code(open_lab) -> None:
    code = "%3Cimg src=x onerror=window.touched=1%3E"
    opened = open_lab(f"#lab&loss=own&psi={code}")
    opened.pause()
    assert opened.state()["psi"] == "cosθ - m"
    assert opened.page.evaluate("window.touched") is None


@pytest.mark.parametrize("loss", ["constructor", "__proto__", "toString"])
def test_an_address_with_nonsense_opens_the_default(open_lab, loss: str) -> None:
    opened = open_lab(f"#lab&loss={loss}&m=0.1&preset={loss}&__proto__=1")
    opened.pause()
    assert (opened.state()["loss"], opened.state()["m"]) == ("cosface", 0.1)
    assert opened.page.locator('[data-in="m"]').is_visible()


def test_every_control_changes_the_state(open_lab) -> None:
    opened = open_lab()
    opened.pause()
    margins = {
        "softmax": [],
        "nsl": [],
        "asoftmax": ["m"],
        "cosface": ["m"],
        "arcface": ["m"],
        "own": ["m"],
        "combined": ["m1", "m2", "m3"],
    }
    for loss, names in margins.items():
        opened.put("loss", loss)
        assert opened.state()["loss"] == loss
        sliders = opened.page.locator(".ml-margins input")
        assert [slider.get_attribute("data-in") for slider in sliders.all()] == names
        assert opened.page.locator('[data-in="s"]').is_disabled() == (loss in ("softmax", "asoftmax"))
        opened.do("step")
        opened.frame()
        assert opened.read("Number.isFinite(lab.engine.figures.loss)")
    opened.put("m2", 0.4)
    assert opened.state()["m2"] == 0.4
    for name, inner, value in (
        ("s", "s", 20),
        ("ids", "identities", 5),
        ("noise", "noise", 0.1),
        ("lr", "lr", 0.01),
        ("seed", "seed", 3),
    ):
        before = opened.picture("euclid")
        opened.put(name, value)
        assert opened.state()[inner] == value
        assert opened.picture("euclid") != before or name in ("s", "lr")
    opened.put("dim", 3)
    assert opened.state()["k"] == 3
    opened.put("preset", "beyond")
    opened.wait("lab.engine.steps > 20")
    assert (opened.state()["loss"], opened.state()["m"]) == ("cosface", 0.4)


def test_state_is_in_the_address(open_lab) -> None:
    opened = open_lab("#lab&loss=arcface&m=0.45&s=20&ids=6&seed=2&noise=0.1")
    state = opened.state()
    assert [state[key] for key in ("loss", "m", "s", "identities", "seed", "noise")] == ["arcface", 0.45, 20, 6, 2, 0.1]
    opened.put("m", 0.3)
    opened.page.wait_for_function("location.hash.includes('ids=6') && !location.hash.includes('m=0.45')")
    opened.page.evaluate("location.hash = '#lab&loss=asoftmax&m=3'")
    opened.wait("lab.state().loss === 'asoftmax'")
    assert [opened.state()[key] for key in ("m", "identities", "seed")] == [3, 8, 0]  # a link is the whole setting
    assert opened.page.locator('[data-in="m"]').input_value() == "3"
    opened.do("link")
    opened.page.wait_for_function("document.querySelector('[data-do=\"link\"]').textContent === 'Link copied'")


def test_another_anchor_of_the_page_is_left_alone(open_lab) -> None:
    opened = open_lab("#a-section")
    opened.pause()
    assert opened.state()["loss"] == "cosface"
    assert opened.page.evaluate("location.hash") == "#a-section"


def test_tour_asks_then_answers_at_every_stop(open_lab) -> None:
    opened = open_lab()
    opened.do("tour")
    titles = set()
    for stop in range(8):
        titles.add(opened.page.inner_text(".ml-tour h3"))
        assert opened.page.inner_text('[data-tour="tell"]') == ""
        before = opened.read("({steps: lab.engine.steps, w: [...lab.engine.net.centres.value]})")
        opened.page.click(f'[data-choice="{stop % 2}"]')
        assert opened.page.inner_text('[data-tour="tell"]').startswith(("Yes.", "Not quite."))
        assert opened.page.locator('[data-choice][data-right="true"]').count() == 1
        opened.wait(
            f"JSON.stringify([...lab.engine.net.centres.value]) !== '{json.dumps(before['w'], separators=(',', ':'))}'"
        )
        if stop in (3, 4):  # the stops that bring two centres together
            own, rival = opened.read("[lab.scene.focus.own, lab.scene.focus.rival]")
            w = opened.read("[...lab.engine.net.centres.value]")
            apart = math.atan2(w[2 * own + 1], w[2 * own]) - math.atan2(w[2 * rival + 1], w[2 * rival])
            assert math.cos(apart) == pytest.approx(math.cos(math.radians(30)), abs=1e-6)
            assert not opened.read("lab.playing()")
        if stop < 7:
            opened.do("next")
    assert len(titles) == 8
    assert opened.page.locator('[data-do="next"]').is_disabled()
    opened.do("back")
    assert opened.page.inner_text(".ml-tour h3").startswith("7 of 8")
    opened.do("close")
    assert opened.page.locator(".ml-tour").is_hidden()


def test_keyboard(open_lab) -> None:
    opened = open_lab()
    opened.pause()
    keyboard = opened.page.keyboard
    opened.page.focus('[data-view="circle"]')
    start = opened.read("lab.scene.sentence")
    before = {view: opened.picture(view) for view in ("circle", "plane", "target", "gradient", "euclid")}
    for _ in range(3):
        keyboard.press("ArrowRight")
    opened.frame()
    assert "moved by hand" in opened.read("lab.scene.sentence")
    opened.page.evaluate("window.scrollTo(0, 300)")
    opened.frame()
    assert all(opened.picture(view) != picture for view, picture in before.items())  # all views follow
    keyboard.press("Escape")
    opened.frame()
    assert opened.read("lab.scene.sentence") == start
    keyboard.press("ArrowDown")
    for _ in range(50):  # a busy machine may take more than a frame
        opened.frame()
        if opened.read("lab.scene.sentence") != start:
            break
    assert opened.read("lab.scene.sentence") != start
    centre = opened.read("Math.atan2(lab.engine.net.centres.value[1], lab.engine.net.centres.value[0])")
    keyboard.press("Shift+ArrowLeft")
    opened.frame()
    moved = opened.read("Math.atan2(lab.engine.net.centres.value[1], lab.engine.net.centres.value[0])")
    assert abs(moved - centre) == pytest.approx(0.0349, abs=1e-3)
    steps = opened.read("lab.engine.steps")
    keyboard.press(".")
    opened.frame()
    assert opened.read("lab.engine.steps") == steps + 1
    m = opened.state()["m"]
    keyboard.press("]")
    assert opened.state()["m"] == pytest.approx(m + 0.01)
    keyboard.press("[")
    assert opened.state()["m"] == pytest.approx(m)
    keyboard.press(" ")
    assert opened.read("lab.playing()")
    keyboard.press(" ")
    assert not opened.read("lab.playing()")
    keyboard.press("r")
    assert opened.read("lab.engine.steps") == 0


def test_what_a_key_changes_is_said_once_the_keys_rest(open_lab) -> None:
    opened = open_lab()
    opened.pause()
    page, said = opened.page, opened.page.locator(".ml [data-live]")
    page.focus('[data-view="circle"]')
    assert page.locator(":focus").get_attribute("role") == "application"
    page.evaluate(
        "window.heard = []; new MutationObserver(() => heard.push(document.querySelector('[data-live]').textContent))"
        ".observe(document.querySelector('[data-live]'), {childList: true})"
    )
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("heard.length")
    page.wait_for_timeout(600)
    assert page.evaluate("heard") == [opened.read("lab.scene.sentence")]
    assert "moved by hand" in said.text_content()
    page.keyboard.press("]")
    page.wait_for_function("heard.at(-1) === 'm = 0.21'")
    steps = opened.read("lab.engine.steps")
    page.keyboard.press(".")
    page.wait_for_function(f"heard.at(-1) === 'Step {steps + 1}'")


@pytest.mark.parametrize(
    ("modifiers", "moves"),
    [({"altKey": True}, True), ({"ctrlKey": True, "altKey": True}, True), ({"ctrlKey": True}, False)],
)
def test_a_bracket_counts_however_it_is_typed(open_lab, modifiers: dict, moves: bool) -> None:
    opened = open_lab()
    opened.pause()
    for key, m in (("]", 0.21), ("[", 0.2)):
        opened.page.locator('[data-view="plane"]').dispatch_event("keydown", {"key": key, **modifiers})
        assert opened.state()["m"] == pytest.approx(m if moves else 0.2)


def test_a_link_opens_its_setting_a_second_time_too(open_lab) -> None:
    opened = open_lab(height=600)
    mark = "#lab&loss=arcface&m=0.4"
    link = f"<p style='height: 3000px'><a href='{mark}'><b>go</b></a>"
    opened.page.evaluate("link => document.body.insertAdjacentHTML('beforeend', link)", link)
    for _ in range(2):
        opened.page.get_by_text("go", exact=True).click()
        opened.page.wait_for_function("Math.abs(document.querySelector('.ml').getBoundingClientRect().top) < 2")
        assert opened.page.evaluate("location.hash") == mark
        assert (opened.state()["loss"], opened.state()["m"]) == ("arcface", 0.4)
        opened.wait("lab.playing()")
        opened.page.wait_for_timeout(300)  # the setting is in the address


@pytest.mark.parametrize(("typed", "used"), [("5000", "999"), ("-3", "0"), ("7.6", "8"), ("", "0")])
def test_the_seed_that_is_used_is_shown(open_lab, typed: str, used: str) -> None:
    opened = open_lab()
    opened.pause()
    seed = opened.page.locator('[data-in="seed"]')
    seed.fill(typed)
    seed.blur()
    assert seed.input_value() == used
    assert opened.state()["seed"] == int(used)


def test_hover_and_drag(open_lab) -> None:
    opened = open_lab(height=1500)
    opened.wait("lab.stats.steps > 20")
    opened.pause()
    spot = opened.read("[...lab.views.find((v) => v.name === 'euclid').spots.slice(600, 602)]")
    place = opened.at("euclid", spot)
    sentence = opened.read("lab.scene.sentence")
    opened.page.mouse.move(*place)
    opened.frame()
    assert opened.read("lab.scene.sentence") != sentence
    opened.drag(place, (place[0] + 60, place[1] + 40))
    assert "moved by hand" in opened.read("lab.scene.sentence")
    opened.page.locator('[data-view="euclid"]').dblclick(position={"x": 4, "y": 4})
    opened.frame()
    assert "moved by hand" not in opened.read("lab.scene.sentence")
    # a class centre, in the circle
    view = opened.read(
        "(({handles, cx, cy, unit}) => ({handles, cx, cy, unit}))(lab.views.find((v) => v.name === 'circle'))"
    )
    before = opened.read("[...lab.engine.net.centres.value]")
    opened.drag(opened.at("circle", view["handles"][0]), opened.at("circle", [view["cx"] + view["unit"], view["cy"]]))
    after = opened.read("[...lab.engine.net.centres.value]")
    assert after[2:] == before[2:]
    assert after[1] == pytest.approx(0, abs=0.05 * after[0])
    assert sum(v * v for v in after[:2]) == pytest.approx(sum(v * v for v in before[:2]))  # its length stays
    # θ, in the curve of the target logit
    opened.drag(opened.at("target", [60, 100]), opened.at("target", [160, 100]))
    wide = opened.page.locator('[data-view="target"]').bounding_box()["width"]
    assert opened.read("Math.acos(lab.scene.focus.cosOwn)") == pytest.approx(
        (160 - 38) / (wide - 54) * 3.14159, abs=0.03
    )


def test_sphere_is_turned_by_dragging_beside_the_samples(open_lab) -> None:
    opened = open_lab("#lab&loss=cosface&m=0.3&dim=3", height=1500)
    opened.pause()
    before = opened.read("[...lab.scene.turn]")
    picture = opened.picture("circle")
    opened.drag(opened.at("circle", [12, 12]), opened.at("circle", [80, 50]))
    turn = opened.read("[...lab.scene.turn]")
    assert turn != before
    assert opened.picture("circle") != picture
    for row in (turn[:3], turn[3:6], turn[6:]):
        assert sum(v * v for v in row) == pytest.approx(1, abs=1e-2)


def test_dark_mode_follows_the_page(open_lab) -> None:
    opened = open_lab(color_scheme="light")
    opened.pause()
    light = opened.picture("circle")
    opened.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    opened.wait("lab.scene.theme.dark")
    opened.frame()
    assert opened.picture("circle") != light
    opened.page.evaluate("document.documentElement.dataset.theme = 'light'")
    opened.wait("!lab.scene.theme.dark")
    assert open_lab(color_scheme="dark").read("lab.scene.theme.dark")


def test_reduced_motion_shows_few_pictures_and_trains_all_the_same(open_lab) -> None:
    opened = open_lab(reduced_motion="reduce")
    opened.wait("lab.stats.steps >= 120")
    assert opened.read("lab.stats.frames") <= opened.read("lab.stats.steps") / 10 + 5


def test_phone(open_lab) -> None:
    opened = open_lab(width=390, height=844, has_touch=True)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not opened.page.locator(".ml-more").get_attribute("open")
    opened.page.click(".ml-more summary")
    for control in opened.page.locator(".ml button:visible, .ml select:visible").all():
        assert control.bounding_box()["height"] >= 36
    opened.page.evaluate("window.scrollTo(0, 900)")
    opened.frame()
    assert opened.page.locator('[data-in="m"]').bounding_box()["y"] < 250  # the bar stays in reach


def test_the_bar_sticks_below_the_header_of_the_book_and_in_a_low_window_not_at_all(open_lab) -> None:
    opened = open_lab(width=390, height=844)
    page = opened.page
    page.evaluate(
        "document.body.insertAdjacentHTML('afterbegin', `<style>.bd-header-article { position: sticky; top: 0;"
        "z-index: 9; height: 56px; background: red }</style><div class='bd-header-article'></div>`)"
    )
    page.set_viewport_size({"width": 380, "height": 844})  # the header has come after the lab
    page.evaluate("window.scrollTo(0, 1400)")
    opened.frame()
    assert page.locator(".ml-bar").bounding_box()["y"] == pytest.approx(56, abs=1)
    page.set_viewport_size({"width": 320, "height": 256})
    opened.frame()
    assert page.locator(".ml-bar").bounding_box()["y"] < -200


def test_names_for_every_control_and_view(open_lab, sliders) -> None:
    opened = open_lab()
    opened.pause()
    for control in opened.page.locator(".ml :is(input, select)").all():
        assert control.evaluate("node => node.closest('label').textContent.trim()")
        assert control.evaluate("node => node.labels.length") == 1
    opened.put("noise", "0.1")
    said = [("margin m", "0.2 (bound 0.293)"), ("scale s", "30"), ("people", "8"), ("wrong names", "10 %")]
    assert sliders(opened.page) == said
    for canvas in opened.page.locator("[data-view]").all():
        assert "from its centre" in canvas.get_attribute("aria-label")
        assert canvas.get_attribute("tabindex") == "0"


def test_picture_without_script(open_page, address) -> None:
    page = open_page(java_script_enabled=False).page
    page.goto(address)
    picture = page.locator("[data-margin-lab] img")
    assert picture.is_visible()
    assert picture.bounding_box()["height"] > 300


def test_the_module_serves_as_a_widget(open_page) -> None:
    page = open_page().page
    source = json.dumps(bundle.module())
    page.evaluate(
        f"""async () => {{
        const values = {{preset: "", setting: {{loss: "arcface", m: 0.4}}, figures: {{}}}}, heard = {{}};
        window.model = {{get: (k) => values[k], set: (k, v) => (values[k] = v), save_changes() {{}},
            on: (name, f) => (heard[name] = f), tell: (k, v) => {{ values[k] = v; heard["change:" + k](); }}}};
        const url = URL.createObjectURL(new Blob([{source}], {{type: "text/javascript"}}));
        window.close_lab = (await import(url)).default.render({{model, el: document.body}});
    }}"""
    )
    opened = Lab(page)
    assert (opened.state()["loss"], opened.state()["m"]) == ("arcface", 0.4)
    page.evaluate("model.tell('setting', {loss: 'cosface', m: 0.1})")  # Python sets it
    assert opened.state()["m"] == 0.1
    opened.put("m", 0.25)  # the reader sets it
    assert page.evaluate("model.get('setting').m") == 0.25
    opened.pause()
    assert page.evaluate("model.get('figures').step") == opened.read("lab.engine.steps")
    assert page.evaluate("location.hash") == ""
    page.evaluate("close_lab()")


def test_a_frame_trains_little_and_a_new_m_is_shown_by_the_very_next(open_lab, record_property, capsys) -> None:
    """The three figures by the clock are said and recorded; asserted is what other work on the machine leaves alone.

    That is counts (a picture a frame, two steps between pictures, a new m in the next picture, before any training)
    and processor time, as a ratio to a loop in the same page: 25 on the machine it was written on, where 16 ms are 30
    of such loops. Twice that is allowed. `benchmarks/bench_lab.py` measures the figures beside their limits.
    """
    opened = open_lab(height=1500)
    opened.wait("lab.stats.steps > 60")
    found = speed.measure(opened.page)
    for name, value in found.items():
        record_property(name, value)
    with capsys.disabled():
        print(
            f"\nMargin Lab, 8 people × 50 samples: {found['steps_per_second']:.0f} steps/s, {found['work_ms']:.1f} ms "
            f"of work a frame ({found['cpu_ms']:.1f} of processor time, {found['cpu_ratio']:.1f} reference loops), "
            f"{found['response_ms']:.0f} ms from m to its picture, {found['response_worst_ms']:.0f} at most"
        )
    assert 190 <= found["drawn"] <= 210
    assert 1 <= found["steps_a_frame"] <= 2
    assert found["late"] == 0
    assert found["trained"] == 0
    assert found["cpu_ratio"] < 50


@pytest.fixture
def open_cover(open_page, tmp_path: Path) -> Callable:
    """`open_cover(**options)` -> the page with the cover, its first picture drawn, straight from disk."""

    def open_(**options: object):
        lab.write_assets(tmp_path / "_static")
        file = tmp_path / "index.html"
        head = HEAD.format("Cover")
        cover = lab.cover_html(static="_static")
        file.write_text(f'<!doctype html><html lang="en"><head>{head}</head><body>{cover}</body></html>')
        page = open_page(**options).page
        page.goto(file.as_uri())
        page.wait_for_function("document.querySelector('.mc')?.cover.lab.stats.frames > 0")
        return page

    return open_


COVER = "document.querySelector('.mc').cover"
SMOOTH_GAP = f"({COVER}.lab.engine.history.slice(-10).reduce((sum, {{gap}}) => sum + gap, 0) / 10 * 180 / Math.PI)"


def test_the_cover_opens_trained_moves_at_once_and_follows_m(open_cover) -> None:
    page = open_cover()
    began = page.evaluate(f"{COVER}.lab.engine.steps")
    assert began >= 1000
    drawn = "document.querySelector('.mc-circle').toDataURL()"
    first = page.evaluate(drawn)
    page.wait_for_function(f"{drawn} !== {json.dumps(first)}", timeout=3000)
    slider = page.locator(".mc input")
    page.wait_for_function(f"{COVER}.lab.stats.steps > 10")
    for m, reached in (("0", f"{SMOOTH_GAP} < 32"), ("0.2", f"{SMOOTH_GAP} > 34.5")):
        slider.fill(m)
        page.wait_for_function(reached)
        assert page.inner_text(".mc .ml-out") == f"{float(m):.2f}"
    assert 20 <= int(page.inner_text('[data-mc="mistaken"]')) <= 120
    assert page.inner_text(".mc-pair").startswith("B\nH")
    page.click(".mc button")
    page.wait_for_timeout(200)
    steps = page.evaluate(f"{COVER}.lab.engine.steps")
    page.wait_for_timeout(300)
    assert page.evaluate(f"{COVER}.lab.engine.steps") == steps
    bare = "document.querySelector('[data-mc=bare]').textContent"
    page.wait_for_function(f"/at m = 0: [23][0-9]°/.test({bare})", timeout=60_000)
    assert "Paused at m = 0.2" in page.inner_text(".mc [aria-live]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{COVER}.lab.flat().m") == 0.21
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"{COVER}.lab.theme.dark")


def test_the_cover_shows_the_same_each_time_that_m_is_moved(open_cover) -> None:
    page = open_cover()
    slider = page.locator(".mc input")
    gaps = {"0": [], "0.4": []}
    for m in ("0", "0.4", "0", "0.4"):
        slider.fill(m)
        page.wait_for_function(f"{COVER}.loop.playing === false", timeout=60_000)
        gaps[m].append(page.evaluate(SMOOTH_GAP))
        page.wait_for_timeout(1100)  # the next move is a new one
    assert gaps["0"][1] == pytest.approx(gaps["0"][0], abs=1.5)
    assert gaps["0.4"][1] == pytest.approx(gaps["0.4"][0], abs=1.5)
    assert gaps["0.4"][0] > gaps["0"][0] + 5


def test_the_cover_s_slider_has_a_name_and_says_its_value(open_cover, sliders) -> None:
    assert sliders(open_cover()) == [("margin m", "0.20")]


def test_the_cover_says_what_is_amiss_past_the_mark(open_cover) -> None:
    page = open_cover()
    said = "document.querySelector('[data-mc=past]').textContent"
    assert page.evaluate(said) == ""
    page.locator(".mc input").fill("0.4")
    page.wait_for_function(f"{said}.startsWith('Past the mark ')")


def test_the_cover_s_letters_grow_with_the_reader_s_and_its_slider_is_on_a_phone_s_first_screen(open_cover) -> None:
    page = open_cover(width=390, height=844)
    assert page.locator(".mc input").bounding_box()["y"] < page.locator(".mc-circle").bounding_box()["y"]
    zoom = "document.querySelector('.mc-circle').getContext('2d').getTransform().a"
    size = "parseFloat(getComputedStyle(document.querySelector('.mc-gap')).fontSize)"
    before = page.evaluate(f"[{zoom}, {size}]")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    page.wait_for_function(f"{zoom} > 1.3 * {before[0]}")
    assert page.evaluate(size) == pytest.approx(2 * before[1])


def test_the_cover_on_a_phone_out_of_sight_and_without_script(open_cover, open_page) -> None:
    page = open_cover(width=390, height=844, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"height: 4000px\">')")
    page.evaluate("window.scrollTo(0, 3000)")
    page.wait_for_function(f"!{COVER}.loop.visible")
    steps = page.evaluate(f"{COVER}.lab.engine.steps")
    page.wait_for_timeout(300)
    assert page.evaluate(f"{COVER}.lab.engine.steps") <= steps + 2
    still = open_page(java_script_enabled=False).page
    still.goto(page.url)
    assert still.locator("[data-margin-cover] img").bounding_box()["height"] > 200
