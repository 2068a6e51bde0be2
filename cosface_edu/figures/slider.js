// The margin slider's controls: which margin, which epoch; plotly's frames follow. Frame "1|3" is margin 1, epoch 3.

const NARROW_BELOW = 560; // pixels; then the panels stand one above the other
const words = { play: "▶ Play the training", stop: "■ Stop" };

// texts[margin][epoch] says what a frame shows, margins and epochs are the values; narrow and wide are layouts.
export function marginSlider(name, { texts, margins, epochs, start, narrow, wide }) {
  const figure = document.getElementById(name);
  const root = figure.closest("figure");
  const said = root.querySelector("figcaption");
  const button = root.querySelector("button");
  const [marginInput, epochInput] = root.querySelectorAll("input");
  const last = epochs.length - 1;
  let margin = start;
  let epoch = last;
  let timer = null;
  let isNarrow = null;

  function say(input, index, values, spoken) {
    input.value = index;
    input.setAttribute("aria-valuetext", `${spoken}${values[index]}`);
    input.closest("label").querySelector(".ml-out").textContent = values[index];
  }
  function tell() {
    say(marginInput, margin, margins, "m = ");
    say(epochInput, epoch, epochs, "after epoch ");
    button.textContent = timer ? words.stop : words.play;
    said.setAttribute("aria-live", timer ? "off" : "polite"); // a sentence each half second would drown the page
    said.textContent = texts[margin][epoch];
  }
  function stop() {
    clearInterval(timer);
    timer = null;
  }
  function show(duration) {
    tell();
    const motion = { mode: "immediate", frame: { duration, redraw: false }, transition: { duration, easing: "linear" } };
    return Plotly.animate(figure, [`${margin}|${epoch}`], motion).catch(() => {}); // a frame that another one replaced
  }

  marginInput.addEventListener("input", () => {
    stop();
    margin = Number(marginInput.value);
    epoch = last; // of another margin the trained network comes first
    show(120);
  });
  epochInput.addEventListener("input", () => {
    stop();
    epoch = Number(epochInput.value);
    show(100);
  });
  button.addEventListener("click", () => {
    if (timer) {
      stop();
      return tell();
    }
    epoch = -1;
    const next = () => {
      epoch += 1;
      if (epoch === last) stop();
      show(epoch ? 250 : 0);
    };
    timer = setInterval(next, 420);
    next();
  });

  function fit() {
    const now = figure.parentElement.clientWidth < NARROW_BELOW;
    if (now === isNarrow) return;
    isNarrow = now;
    const layout = now ? narrow : wide;
    figure.parentElement.style.height = `${layout.height}px`; // else the text below covers the panels
    Plotly.relayout(figure, { width: null, autosize: true, ...layout });
  }

  fit();
  tell();
  button.closest("[hidden]").hidden = false;
  window.addEventListener("resize", fit);
}
