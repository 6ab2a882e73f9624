// Batch size and learning rate against the noise floor: many runs on one parabola.

import { scaleLinear, scaleLog } from "d3-scale";
import { choice, number, plain, powerOfTen } from "../kit/parameters.js";
import { Plot } from "../kit/plot.js";
import { meanLosses, noiseFloor, SCHEDULES, walk } from "../mathematics/noise.js";
import { normal } from "../mathematics/random.js";

const STEPS = 300;
const RUNS = 200;
const START = 5;
const BATCHES = [1, 4, 16, 64, 256];
const CURVE = Array.from({ length: 81 }, (_, i) => i / 80);
const LIMITS = [1e-4, 100];

let kicks = null;
/** The noise of every run, the same for everybody. */
function noise() {
  if (!kicks) {
    const next = normal(3);
    kicks = Array.from({ length: RUNS }, () => Array.from({ length: STEPS }, next));
  }
  return kicks;
}

export default {
  label: "Batch size and learning rate against the noise floor",
  parameters: {
    lr: number({ label: "learning rate η", min: 0.01, max: 2.1, log: true, value: 0.5 }),
    batch: choice({ label: "batch size B", options: BATCHES.map((b) => [String(b), String(b)]), value: "1" }),
    rate: choice({
      label: "the rate", options: [["fixed", "stays the same"], ["drop", "drops to a tenth halfway"], ["fall", "falls like 1/t"]], value: "fixed",
    }),
    step: number({ label: "step", min: 0, max: STEPS, step: 1, value: 0 }),
  },
  controls: () => ["step", "lr", "batch", "rate"],
  run: "step",
  fps: 40,
  create(stage) {
    const cloud = new Plot(stage, { label: "", height: 250, name: "order-1", margin: { left: 40 } });
    const curve = new Plot(stage, { label: "", height: 250, name: "order-1", margin: { left: 50 } });
    const floors = new Plot(stage, { label: "", height: 220, name: "order-2", margin: { left: 50, right: 60 } });
    const cache = {};

    /** All runs at these settings, and their mean loss at each step. */
    function runs(lr, batch, rate) {
      const wanted = `${lr} ${batch} ${rate}`;
      if (cache.wanted !== wanted) {
        const rates = SCHEDULES[rate](lr, STEPS);
        cache.wanted = wanted;
        cache.walks = noise().map((kick) => walk(1, rates, batch, kick, START));
        cache.measured = Array.from({ length: STEPS + 1 }, (_, t) =>
          cache.walks.reduce((sum, points) => sum + 0.5 * points[t] ** 2, 0) / RUNS);
        cache.predicted = meanLosses(1, rates, batch, 1, STEPS, START);
      }
      return cache;
    }
    const inside = (x) => Math.max(LIMITS[0], Math.min(LIMITS[1], x));

    return ({ lr, batch: size, rate, step }, width) => {
      const batch = Number(size);
      const { walks, measured, predicted } = runs(lr, batch, rate);
      const floor = noiseFloor(1, lr, 1, batch);
      const split = width >= 560;
      const first = split ? Math.floor(width * 0.45) : width;

      cloud.frame(first, {
        x: scaleLinear([-5.5, 5.5], [0, 1]), y: scaleLinear([-0.6, 15], [0, 1]), title: `${RUNS} runs on one parabola`, xName: "weight w", yTicks: 4,
      });
      cloud.lines([{ points: CURVE.map((s) => 11 * s - 5.5).map((w) => [w, 0.5 * w * w]), colour: "muted" }], "bowl");
      cloud.dots(walks.map((points) => ({ at: [points[step], 0.5 * points[step] ** 2] })), "walker", { radius: 3.5, colour: "sgd" });

      curve.frame(split ? width - first : width, {
        x: scaleLinear([0, STEPS], [0, 1]), y: scaleLog(LIMITS, [0, 1]), title: "Mean loss", xName: "step", yTicks: 5, yFormat: powerOfTen,
      });
      curve.lines([{ points: predicted.map((loss, t) => [t, inside(loss)]), colour: "ink" }], "expected");
      curve.lines([{ points: measured.slice(0, step + 1).map((loss, t) => [t, inside(loss)]), colour: "sgd" }], "curve");
      curve.lines(floor < Infinity && rate === "fixed" ? [{ points: [[0, inside(floor)], [STEPS, inside(floor)]], colour: "ink" }] : [], "floor");
      curve.dots([{ at: [step, inside(measured[step])] }], "now", { colour: "sgd", radius: 5 });
      curve.words(floor < Infinity && rate === "fixed"
        ? [{ at: [STEPS, inside(floor)], text: `floor ${plain(floor)}`, anchor: "end", dy: -6 }] : []);

      const left = [0.01, 1.95];
      floors.frame(width, {
        x: scaleLog([0.01, 2.1], [0, 1]), y: scaleLog([5e-6, 100], [0, 1]), title: "The predicted floor by batch size",
        xName: "learning rate η", yTicks: 3, yFormat: powerOfTen, xTicks: [0.01, 0.03, 0.1, 0.3, 1, 2],
      });
      floors.lines(BATCHES.map((b) => ({
        points: CURVE.map((s) => left[0] * (left[1] / left[0]) ** s).map((x) => [x, noiseFloor(1, x, 1, b)]), colour: b === batch ? "sgd" : "muted", name: b === batch ? "chosen" : "",
      })), "floor-line");
      floors.lines([{ points: [[2, 5e-6], [2, 100]], colour: "bad" }], "floor");
      floors.words([
        ...BATCHES.map((b) => ({ at: [2, noiseFloor(1, left[1], 1, b)], text: `B = ${b}`, dx: 8, dy: 4, colour: b === batch ? "sgd" : "muted" })),
        { at: [2, 5e-6], text: "2/λ", dx: -5, dy: -6, anchor: "end", colour: "bad" },
      ]);
      floors.dots(floor < Infinity ? [{ at: [lr, inside(floor)] }] : [], "now", { colour: "sgd", radius: 6 });

      const tail = measured.slice(Math.max(0, step - 49), step + 1);
      const recent = tail.reduce((sum, loss) => sum + loss, 0) / tail.length;
      cloud.describe(`${RUNS} runs as dots on a parabola at step ${step}; their mean loss is ${plain(measured[step])}`);
      curve.describe(`Mean loss by step, predicted and measured: from ${plain(predicted[0])} to ${plain(predicted[STEPS])} after ${STEPS} steps`);
      floors.describe(`Floor against rate for batch sizes ${BATCHES.join(", ")}: it rises in proportion to the rate and steeply before 2`);
      const ends = floor < Infinity ? `Floor by the formula: ${plain(floor)}.` : "No floor: the rate is not below 2/λ.";
      return {
        say: `η = ${plain(lr)}, B = ${batch}. ${rate === "fixed" ? ends : `After ${STEPS} steps: ${plain(predicted[STEPS])} expected; a fixed rate would end at ${plain(floor)}.`} ` +
          `Measured at step ${step}: ${plain(measured[step])}${step > 60 ? `, over the last 50 steps ${plain(recent)}` : ""}. Examples used: ${(step * batch).toLocaleString("en")}.`,
        table: () => ({
          head: ["step", "mean loss, predicted", `mean loss of ${RUNS} runs`, "examples used"],
          rows: [...new Set([0, 1, 2, 5, 10, 20, 50, 100, 150, 200, 250, 300, step])].sort((a, b) => a - b).map((t) => [
            t === step ? `${t} (now)` : String(t), plain(predicted[t]), plain(measured[t]), (t * batch).toLocaleString("en"),
          ]),
        }),
      };
    };
  },
};
