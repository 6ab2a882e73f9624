// Gradient descent on a landscape, from a start that can be dragged.

import { scaleLinear } from "d3-scale";
import { choice, number, plain, point } from "../kit/parameters.js";
import { Plot } from "../kit/plot.js";
import { LANDSCAPES, NAMES, onMap } from "../mathematics/landscapes.js";
import { descend } from "../mathematics/optimisers.js";

const STEPS = 100;
const steepness = ([x, y]) => Math.hypot(x, y);

export default {
  label: "Gradient descent from a start that can be dragged",
  parameters: {
    map: choice({ label: "landscape", options: NAMES, value: "hollows" }),
    lr: number({ label: "learning rate η", min: 0.001, max: 2, log: true, value: 0.1 }),
    start: point({ label: "start", value: null }),
    step: number({ label: "step", min: 0, max: STEPS, step: 1, value: STEPS }),
  },
  controls: () => ["step", "lr", "map"],
  run: "step",
  fps: 16,
  /** Another landscape begins at its own start. */
  adapt(settings, before) {
    const { map, start } = settings;
    const kept = map !== before.map && start === before.start ? null : start;
    return { ...settings, start: kept && onMap(LANDSCAPES[map], kept) };
  },
  create(stage, { set }) {
    const plane = new Plot(stage, { label: "", height: 420, handles: true, margin: { top: 8, bottom: 40, left: 40 } });
    const place = plane.handle({ label: "Start", move: (start) => set({ start }) });
    return ({ map, lr, start, step }, width) => {
      const landscape = LANDSCAPES[map];
      const from = start ?? landscape.start;
      const states = descend("gd", landscape.gradient, from, { lr }, STEPS);
      const path = states.map(({ w }) => w);
      const now = path[step];
      const lost = path.findIndex((w) => !w.every((x) => Math.abs(x) < 1e6));
      plane.frame(width, {
        x: scaleLinear(landscape.box[0], [0, 1]), y: scaleLinear(landscape.box[1], [0, 1]), xName: "w₁", grid: false,
      });
      plane.landscape(map, (x, y) => landscape.f([x, y]), landscape.power);
      plane.lines([{ points: path.slice(0, step + 1), colour: "gd" }], "trail");
      plane.dots(path.slice(1, step + 1).map((at) => ({ at })), "foot", { radius: 2.5, colour: "gd" });
      plane.dots(now.every(Number.isFinite) ? [{ at: now }] : [], "now", { radius: 6, colour: "gd" });
      plane.words([{ at: [landscape.box[0][0], landscape.box[1][1]], text: "w₂", dx: 6, dy: 16 }]);
      place(from);
      plane.describe(`${landscape.label}, seen from above, and the path of gradient descent: ${step} steps from (${from.map(plain).join(", ")}) to (${now.map(plain).join(", ")})`);
      const slope = steepness(landscape.gradient(now));
      return {
        say: lost >= 0 && lost <= step
          ? `η = ${plain(lr)}: the run has flown apart by step ${lost}. Lower the rate, or start elsewhere.`
          : `After ${step} steps with η = ${plain(lr)}: loss ${plain(landscape.f(now))}, slope ${plain(slope)}` +
            ` (at the start: loss ${plain(landscape.f(from))}, slope ${plain(steepness(landscape.gradient(from)))}).`,
        table: () => ({
          head: ["step", "w₁", "w₂", "loss", "slope |g|", "length of the step"],
          rows: path.slice(0, step + 1).map((w, t) => [
            String(t), ...w.map(plain), plain(landscape.f(w)), plain(steepness(landscape.gradient(w))),
            t ? plain(steepness(states[t].move)) : "–",
          ]),
        }),
      };
    };
  },
};
