// The margin slider's sliders and button: which margin, which epoch; plotly's frames follow. Frame "1|3" is margin 1, epoch 3.

const NARROW_BELOW = 560; // pixels; then the panels stand one above the other

// texts[margin][epoch] says what a frame shows; narrow and wide are layouts.
export function marginSlider(name, { texts, start, narrow, wide }) {
  const figure = document.getElementById(name);
  const said = document.getElementById(`${name}-said`);
  const last = texts[0].length - 1;
  let margin = start;
  let epoch = last;
  let timer = null;
  let isNarrow = null;

  const tell = () => (said.textContent = texts[margin][epoch]);
  const moveEpochs = () => Plotly.relayout(figure, { "sliders[1].active": epoch });
  const stop = () => {
    clearInterval(timer);
    timer = null;
  };
  function show(duration) {
    tell();
    const motion = { mode: "immediate", frame: { duration, redraw: false }, transition: { duration, easing: "linear" } };
    return Plotly.animate(figure, [`${margin}|${epoch}`], motion).catch(() => {}); // a frame that another one replaced
  }

  figure.on("plotly_sliderchange", ({ step }) => {
    const [which, index] = step.name.split("|");
    stop();
    if (which === "e") {
      epoch = Number(index);
      show(100);
      return;
    }
    margin = Number(index); // the slider itself animates to the last epoch
    if (epoch !== last) {
      epoch = last;
      moveEpochs();
    }
    tell();
  });

  figure.on("plotly_buttonclicked", () => {
    if (timer) return stop();
    epoch = -1;
    timer = setInterval(() => {
      epoch += 1;
      moveEpochs();
      show(epoch ? 250 : 0);
      if (epoch === last) stop();
    }, 420);
  });

  function fit() {
    const now = figure.parentElement.clientWidth < NARROW_BELOW;
    if (now === isNarrow) return;
    isNarrow = now;
    const layout = now ? narrow : wide;
    figure.parentElement.style.height = `${layout.height}px`; // else the text below covers the sliders
    Plotly.relayout(figure, { width: null, autosize: true, ...layout });
  }

  fit();
  tell();
  window.addEventListener("resize", fit);
}
