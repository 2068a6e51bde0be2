"""How fast the Margin Lab is in a browser: steps a second, work a frame, and the wait from a new margin to its picture.

The browser test and `benchmarks/bench_lab.py` measure with the same words. Milliseconds by the clock hang on what else
the machine does; beside them stands the processor time of the page's main thread, as a ratio to a reference in the same
page: a loop of a million multiplications and additions.
"""

from statistics import median
from typing import Any

#: What the lab is to hold at its default setting, see `measure`.
LIMITS = {"steps_per_second": 30, "work_ms": 16, "response_ms": 50}

_WATCH = """async (frames) => {
    const {lab} = document.querySelector(".ml");
    const play = document.querySelector('[data-do="play"]');
    const next = () => new Promise(requestAnimationFrame);
    const found = {work: [], between: []};
    // A message that is sent in a frame arrives after the frame: style, layout and paint are done by then.
    const channel = new MessageChannel();
    channel.port1.onmessage = ({data: [begin, steps]}) => {
        found.work.push(performance.now() - begin);
        found.between.push(lab.engine.steps - steps);
    };
    const beat = () => {
        if (found.work.length >= frames) return;
        requestAnimationFrame(beat);
        channel.port2.postMessage([performance.now(), lab.engine.steps]);
    };
    // The lab is stopped and started again, so that in each frame this is called before it.
    if (lab.playing()) play.click();
    await next();
    await next();
    requestAnimationFrame(beat);
    play.click();
    const [began, at, first] = [lab.engine.steps, performance.now(), lab.stats.frames];
    while (found.work.length < frames) await next();
    found.seconds = (performance.now() - at) / 1000;
    found.steps = lab.engine.steps - began;
    found.drawn = lab.stats.frames - first;
    return found;
}"""

_ANSWER = """async (changes) => {
    const {lab} = document.querySelector(".ml");
    const slider = document.querySelector('[data-in="m"]');
    const found = {response: [], late: 0, trained: 0};
    const next = () => new Promise(requestAnimationFrame);
    for (let i = 0; i < changes; i++) {
        await next();
        await new Promise((done) => setTimeout(done, i % 16)); // a hand does not wait for frames
        const [changed, {steps}, {frames}] = [performance.now(), lab.engine, lab.stats];
        slider.value = i % 2 ? 0.2 : 0.1;
        slider.dispatchEvent(new Event("input", {bubbles: true}));
        while (lab.stats.changed) await next();
        found.trained += lab.engine.steps - steps;
        found.late += lab.stats.frames - frames - 1;
        const channel = new MessageChannel();
        await new Promise((done) => {
            channel.port1.onmessage = done;
            channel.port2.postMessage(0);
        });
        found.response.push(performance.now() - changed);
    }
    return found;
}"""

_REFERENCE = """(rounds) => {
    const [a, b] = [new Float64Array(1000).fill(1.1), new Float64Array(1000).fill(0.9)];
    let sum = 0;
    for (let i = 0; i < 1000 * rounds; i++) for (let j = 0; j < 1000; j++) sum += a[j] * b[j];
    return sum;
}"""


def measure(page: Any, frames: int = 200, changes: int = 32) -> dict[str, Any]:
    """Watch a lab that trains, then move its m back and forth.

    Args:
        page: playwright's page in Chromium with one lab in sight; it is paused in the end.
        frames: pictures to watch.
        changes: of m.

    Returns:
        Plain values by name. By the clock: `steps_per_second`; `frames_per_second`; `work_ms`, the median of what a
        frame keeps the page's main thread busy with, training, drawing, layout and paint; `response_ms`, the median
        from a change of m to the end of the frame that shows it, `response_worst_ms`, the longest. Without a clock:
        `steps_a_frame`, the median; `drawn`, pictures drawn in `frames`; `late`, pictures drawn after a change before
        the one that shows it; `trained`, steps that such a picture waited for. In processor time of the main thread:
        `cpu_ms` a frame, `reference_cpu_ms` a million multiplications and additions, `cpu_ratio` of the two.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def cpu(script: str, argument: int) -> tuple[Any, float]:
        """What a script returns, and the milliseconds that the main thread computed meanwhile."""

        def spent() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return next(1e3 * metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

        before = spent()
        value = page.evaluate(script, argument)
        return value, spent() - before

    found, busy = cpu(_WATCH, frames)
    answers = page.evaluate(_ANSWER, changes)
    page.evaluate(_REFERENCE, 20)  # compiled by now
    page.click('[data-do="play"]')  # the reference has the thread for itself
    _, reference = cpu(_REFERENCE, 50)
    session.detach()
    work = busy / found["drawn"]
    return {
        "steps_per_second": found["steps"] / found["seconds"],
        "frames_per_second": found["drawn"] / found["seconds"],
        "work_ms": median(found["work"]),
        "response_ms": median(answers["response"]),
        "response_worst_ms": max(answers["response"]),
        "steps_a_frame": median(found["between"]),
        "drawn": found["drawn"],
        "late": answers["late"],
        "trained": answers["trained"],
        "cpu_ms": work,
        "reference_cpu_ms": reference / 50,
        "cpu_ratio": work / (reference / 50),
    }
