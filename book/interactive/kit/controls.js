// The controls of a figure: native inputs, so that keyboard, touch and screen reader work as the reader is used to.

const POSITIONS = 200; // of a slider that is spread over orders of magnitude

/** Returns { element, show(settings, status) }: the controls, and how to make them show some settings. */
export function controls({ figure, id, options, set, toggle, move, restart }) {
  const element = make("div", { className: "interactive-controls" });
  const shows = [];
  for (const name of figure.controls(options)) {
    const parameter = figure.parameters[name];
    const key = `${id}-${name}`;
    if (name === figure.run) {
      const [row, show] = player(figure, parameter, name, key, { toggle, move, restart });
      element.append(row);
      shows.push(show);
    } else {
      const [row, show] = kinds[parameter.kind](parameter, key, (value) => set({ [name]: value }));
      row.classList.add(`control-${name}`);
      element.append(row);
      shows.push((settings, { limits }) => show(settings[name], limits[name]));
    }
  }
  return { element, show: (settings, status) => shows.forEach((show) => show(settings, status)) };
}

const kinds = { number: slider, choice: select, subset: boxes };

function slider(parameter, key, change) {
  const { min, max, step, log, label } = parameter;
  const ratio = Math.log(max / min);
  const input = make("input", log
    ? { type: "range", id: key, min: 0, max: POSITIONS, step: 1 }
    : { type: "range", id: key, min, max, step });
  const output = make("output", { htmlFor: key });
  const value = (x) => (log ? Number((min * Math.exp((ratio * x) / POSITIONS)).toPrecision(3)) : x);
  input.addEventListener("input", () => change(value(input.valueAsNumber)));
  const row = make("div", { className: "control control-slider" }, make("label", { htmlFor: key, textContent: label }), input, output);
  return [row, (found, end = max) => {
    if (!log) input.max = end;
    const at = log ? (POSITIONS * Math.log(found / min)) / ratio : found;
    if (Math.abs(input.valueAsNumber - at) > 1e-9) input.value = at;
    output.textContent = parameter.show(found);
    input.setAttribute("aria-valuetext", output.textContent);
  }];
}

function select({ label, options }, key, change) {
  const input = make("select", { id: key }, ...options.map(([value, textContent]) => make("option", { value, textContent })));
  input.addEventListener("change", () => change(input.value));
  return [
    make("div", { className: "control control-select" }, make("label", { htmlFor: key, textContent: label }), input),
    (found) => (input.value = found),
  ];
}

function boxes({ label, options }, key, change) {
  const inputs = options.map(([value]) => make("input", { type: "checkbox", value, id: `${key}-${value}` }));
  const row = make("fieldset", { className: "control control-boxes" }, make("legend", { textContent: label }));
  options.forEach(([, text, colour, letters], i) => {
    const swatch = make("span", { className: "swatch", textContent: letters });
    swatch.style.background = `var(--figure-${colour})`;
    swatch.setAttribute("aria-hidden", "true");
    row.append(make("label", {}, inputs[i], swatch, text));
  });
  row.addEventListener("change", () => change(inputs.filter((input) => input.checked).map((input) => input.value)));
  return [row, (found) => inputs.forEach((input) => (input.checked = found.includes(input.value)))];
}

/** Play, one step back, one step on, start again, and a slider for the step. */
function player(figure, parameter, name, key, { toggle, move, restart }) {
  let now = 0;
  const button = (textContent, action) => {
    const made = make("button", { type: "button", textContent });
    made.addEventListener("click", action);
    return made;
  };
  const play = button("Play", toggle);
  play.className = "interactive-play";
  const back = button("Back", () => move(now - 1));
  const on = button("Step", () => move(now + 1));
  const again = button("Restart", restart);
  const [row, show] = slider(parameter, key, move);
  row.classList.add("control-run");
  const input = row.querySelector("input");
  const element = make("div", { className: "interactive-player" },
    make("div", { className: "interactive-buttons" }, play, back, on, again), row);
  return [element, (settings, { last, playing, still }) => {
    now = settings[name];
    show(now, last);
    const words = figure.words ?? { play: "Play", pause: "Pause" };
    play.textContent = playing ? words.pause : still ? "To the end" : words.play;
    // not `disabled`, which would take the focus away from whoever has just pressed the button
    back.setAttribute("aria-disabled", settings[name] <= 0);
    on.setAttribute("aria-disabled", settings[name] >= last);
  }];
}

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  if (properties.htmlFor && tag === "output") made.setAttribute("for", properties.htmlFor);
  made.append(...children);
  return made;
}
