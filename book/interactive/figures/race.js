// The race: every optimiser on a landscape of the reader's choice, from a start that can be dragged, and one of them in
// numbers, step by step.

import { scaleLinear, scaleLog } from "d3-scale";
import { choice, number, plain, point, powerOfTen, subset } from "../kit/parameters.js";
import { Plot } from "../kit/plot.js";
import { LANDSCAPES, NAMES, onMap } from "../mathematics/landscapes.js";
import { descend } from "../mathematics/optimisers.js";
import { noiseOn, RATES, STEPS } from "../mathematics/rates.js";

// name, what it is called, colour in the palette, the letters on its runner
const RUNNERS = [
  ["gd", "gradient descent", "gd", "GD"],
  ["sgd", "stochastic", "sgd", "S"],
  ["momentum", "momentum", "momentum", "M"],
  ["nesterov", "Nesterov", "nesterov", "N"],
  ["adagrad", "AdaGrad", "adagrad", "AG"],
  ["rmsprop", "RMSprop", "rmsprop", "R"],
  ["adam", "Adam", "adam", "A"],
  ["lion", "Lion", "lion", "L"],
];
const CALLED = Object.fromEntries(RUNNERS.map(([name, label]) => [name, label]));

// what each computes on the way to a step: symbol, rule, and its name in the state
const NUMBERS = {
  gd: [["g", "slope at w", "g"], ["step", "−η·g", "move"]],
  sgd: [["g", "slope + noise", "g"], ["step", "−η·g", "move"]],
  momentum: [["g", "slope at w", "g"], ["v", "0.9·v + g", "v"], ["step", "−η·v", "move"]],
  nesterov: [["ahead", "w − η·0.9·v", "ahead"], ["g", "slope there", "g"], ["v", "0.9·v + g", "v"], ["step", "−η·v", "move"]],
  adagrad: [["g", "slope at w", "g"], ["s", "s + g²", "s"], ["step", "−η·g / (√s + ε)", "move"]],
  rmsprop: [["g", "slope at w", "g"], ["v", "0.99·v + 0.01·g²", "v"], ["step", "−η·g / (√v + ε)", "move"]],
  adam: [
    ["g", "slope at w", "g"], ["m", "0.9·m + 0.1·g", "m"], ["v", "0.999·v + 0.001·g²", "v"],
    ["m̂", "m / (1 − 0.9ᵗ)", "mHat"], ["v̂", "v / (1 − 0.999ᵗ)", "vHat"], ["step", "−η·m̂ / (√v̂ + ε)", "move"],
  ],
  lion: [["g", "slope at w", "g"], ["mix", "0.9·m + 0.1·g", "mix"], ["step", "−η·sign(mix)", "move"], ["m", "0.99·m + 0.01·g", "m"]],
};

export default {
  label: "The race of the optimisers",
  parameters: {
    map: choice({ label: "landscape", options: NAMES, value: "valley" }),
    on: subset({
      label: "who runs", options: RUNNERS, value: ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"],
    }),
    speed: number({
      label: "every rate ×", min: 0.1, max: 10, log: true, value: 1, show: (x) => `× ${plain(x)}`,
    }),
    one: choice({ label: "in numbers", options: RUNNERS.map(([name, label]) => [name, label]), value: "adam" }),
    start: point({ label: "start", value: null }),
    step: number({ label: "step", min: 0, max: STEPS, step: 1, value: 0 }),
  },
  controls: (options) => (options.has("compact") ? ["step", "on"] : ["step", "on", "map", "one", "speed"]),
  run: "step",
  fps: 14,
  /** Another landscape begins at its own start. */
  adapt(settings, before) {
    const { map, start, on } = settings;
    const kept = map !== before.map && start === before.start ? null : start;
    return { ...settings, start: kept && onMap(LANDSCAPES[map], kept), on: on.length ? on : before.on };
  },
  create(stage, { set, options }) {
    const compact = options.has("compact");
    const plane = new Plot(stage, {
      label: "", height: compact ? 330 : 350, name: "plane", handles: true, margin: { top: 8, left: 8, bottom: 8, right: 8 },
    });
    const place = plane.handle({ label: "Start of the race", move: (start) => set({ start, step: 0 }) });
    const sheet = compact ? null : numbersSheet(stage);
    const curve = compact ? null : new Plot(stage, { label: "", height: 170, name: "order-2", margin: { left: 54 } });
    const cache = new Map();

    /** The runs of everybody who takes part, kept while the same race is stepped through. */
    function runs({ map, on, speed, start }) {
      const landscape = LANDSCAPES[map];
      const from = start ?? landscape.start;
      const race = `${map} ${speed} ${from}`;
      if (cache.race !== race) {
        cache.clear();
        cache.race = race;
      }
      return on.map((name) => {
        if (!cache.has(name)) {
          const lr = RATES[map][name] * speed;
          const states = descend(name, landscape.gradient, from, { lr, noise: noiseOn(landscape) }, STEPS);
          const floor = landscape.f(landscape.lowest);
          cache.set(name, { name, lr, states, heights: states.map(({ w }) => Math.max(landscape.f(w) - floor, 0)) });
        }
        return cache.get(name);
      });
    }

    return (settings, width) => {
      const { map, on, one, step } = settings;
      const landscape = LANDSCAPES[map];
      const all = runs(settings);
      const shown = RUNNERS.filter(([name]) => on.includes(name));
      const split = !compact && width >= 560;
      plane.frame(split ? width - 316 : width, {
        x: scaleLinear(landscape.box[0], [0, 1]), y: scaleLinear(landscape.box[1], [0, 1]), xTicks: null, yTicks: null,
      });
      plane.landscape(map, (x, y) => landscape.f([x, y]), landscape.power);
      plane.lines(all.map(({ name, states }) => ({
        points: states.slice(0, step + 1).map(({ w }) => w), colour: colourOf(name),
      })), "trail");
      plane.dots(all.flatMap(({ name, states }) => states.slice(0, step).map(({ w }) => ({ at: w, colour: colourOf(name) }))),
        "foot", { radius: 2 });
      runners(plane, shown, all, step, one);
      plane.over.selectAll("path.goal").data([landscape.lowest]).join("path").attr("class", "goal")
        .attr("d", ([x, y]) => `M${plane.x(x) - 7},${plane.y(y)}h14M${plane.x(x)},${plane.y(y) - 7}v14`);
      const from = settings.start ?? landscape.start;
      place(from);
      plane.svg.select(".handle").raise();

      const focus = runs({ ...settings, on: [one] })[0];
      if (sheet) sheet(focus, step, split ? 316 : width);
      if (curve) {
        curve.frame(width, {
          x: scaleLinear([0, STEPS], [0, 1]), y: scaleLog([1e-6, 100], [0, 1]).clamp(true), title: "Height above the lowest point",
          xName: "step", yTicks: 4, yFormat: powerOfTen,
        });
        curve.lines(all.map(({ name, heights }) => ({
          points: heights.map((h, t) => [t, Number.isFinite(h) ? Math.max(h, 1e-6) : 1e9]), colour: colourOf(name), name: name === one ? "chosen" : "",
        })), "race-line");
        curve.lines([{ points: [[step, 1e-6], [step, 100]], colour: "muted" }], "border");
        curve.describe(`Height above the lowest point, step by step. After 60: ${all.map((r) => `${CALLED[r.name]} ${plain(r.heights[STEPS])}`).join(", ")}.`);
      }

      const ranked = [...all].sort((a, b) => (a.heights[step] || 0) - (b.heights[step] || 0));
      const lost = all.filter(({ heights }) => !(heights[step] < 1e6));
      const order = ranked.filter((r) => !lost.includes(r));
      const places = order.slice(0, 3).map((r) => `${CALLED[r.name]} (${plain(r.heights[step])})`).join(", then ");
      const gone = lost.length ? ` Diverged: ${lost.map((r) => CALLED[r.name]).join(", ")}.` : "";
      plane.describe(`${landscape.label}, seen from above, with the paths of ${all.map((r) => CALLED[r.name]).join(", ")}`);
      const say = step === 0
        ? `All start at (${plain(from[0])}, ${plain(from[1])}), ${plain(all[0].heights[0])} above the lowest point${settings.speed === 1 ? "" : `, every rate × ${plain(settings.speed)}`}. Drag the ring, or press Play.`
        : `Step ${step}. Lowest: ${places || "nobody is left"}.${gone}`;
      return {
        say,
        table: () => ({
          head: ["optimiser", "learning rate", `w₁ after ${step}`, "w₂", "height above lowest", `height after ${STEPS}`],
          rows: all.map((r) => [
            CALLED[r.name], plain(r.lr), ...r.states[step].w.map(plain), plain(r.heights[step]), plain(r.heights[STEPS]),
          ]),
        }),
      };
    };
  },
};

const colourOf = (name) => RUNNERS.find(([one]) => one === name)[2];

/** A disc with letters on it for each runner, where it is now. */
function runners(plane, shown, all, step, one) {
  const where = (name) => all.find((run) => run.name === name).states[step].w;
  const discs = plane.marks.selectAll("g.runner").data(shown.filter(([name]) => where(name).every((x) => Math.abs(x) < 1e4)), ([name]) => name)
    .join((enter) => {
      const made = enter.append("g").attr("class", "runner");
      made.append("circle").attr("r", 9);
      made.append("text").attr("dy", "0.34em");
      return made;
    });
  discs.classed("chosen", ([name]) => name === one)
    .attr("transform", ([name]) => `translate(${plane.x(where(name)[0])},${plane.y(where(name)[1])})`);
  discs.select("circle").attr("fill", ([, , colour]) => `var(--figure-${colour})`);
  discs.select("text").text(([, , , letters]) => letters);
}

/** The sheet beside the map: what one optimiser computed for its latest step. */
function numbersSheet(stage) {
  const sheet = document.createElement("div");
  sheet.className = "race-numbers order-2";
  stage.append(sheet);
  return ({ name, lr, states }, step, width) => {
    const cells = (texts) => `<tr>${texts.map((text, i) => (i ? `<td>${text}</td>` : `<th scope="row">${text}</th>`)).join("")}</tr>`;
    const now = states[step];
    const before = states[Math.max(0, step - 1)];
    const pair = (array) => (step && array ? array.map(plain) : ["–", "–"]);
    sheet.style.width = `${width}px`;
    sheet.innerHTML =
      `<table><caption><b>${CALLED[name]}</b>, ${step ? `step ${step}` : "before the first step"}, η = ${plain(lr)}</caption>` +
      `<thead><tr><td></td><th scope="col">rule</th><th scope="col">w₁</th><th scope="col">w₂</th></tr></thead><tbody>` +
      cells(["w", step ? `after step ${step - 1}` : "start", ...before.w.map(plain)]) +
      NUMBERS[name].map(([symbol, rule, key]) => cells([symbol, rule, ...pair(now[key])])).join("") +
      cells(["w", "w + step", ...pair(now.w)]) +
      "</tbody></table>";
  };
}
