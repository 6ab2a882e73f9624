// The plane of learning rate and momentum: its regimes, and a ball on each parabola of a bowl.

import { scaleLinear, scaleLog } from "d3-scale";
import { choice, number, plain, powerOfTen } from "../kit/parameters.js";
import { Plot } from "../kit/plot.js";
import { criticalBeta, optimal, radius, rate, regime, run } from "../mathematics/heavy_ball.js";

const STEPS = 80;
const RIGHT = 4.4;
const BOWLS = { one: [1], ten: [1, 0.1], hundred: [1, 0.01], four: [1, 0.4, 0.1, 0.02] };
const COLOURS = ["momentum", "gd", "sgd", "adagrad"];
const CURVE = Array.from({ length: 121 }, (_, i) => i / 120);

/** What a run does, in the words of the page. */
function word(lambda, lr, beta) {
  const found = regime(lambda, lr, beta);
  if (found === "overdamped") return 1 + beta - lr * lambda < 0 ? "jumps from side to side and shrinks" : "creeps";
  return { divergent: "flies apart", critical: "is critically damped", underdamped: "swings" }[found];
}

export default {
  label: "The plane of learning rate and momentum",
  parameters: {
    lr: number({ label: "learning rate, ηL", min: 0.02, max: RIGHT, step: 0.01, value: 0.2 }),
    beta: number({ label: "momentum β", min: 0, max: 0.99, step: 0.01, value: 0.2 }),
    bowl: choice({
      label: "bowl",
      options: [["one", "one parabola"], ["ten", "two, κ = 10"], ["hundred", "two, κ = 100"], ["four", "four, κ = 50"]],
      value: "one",
    }),
    step: number({ label: "step", min: 0, max: STEPS, step: 1, value: 0 }),
  },
  controls: () => ["step", "lr", "beta", "bowl"],
  run: "step",
  fps: 10,
  create(stage, { set }) {
    const plane = new Plot(stage, { label: "", height: 370, name: "order-1", handles: true, margin: { top: 26, left: 34 } });
    const right = document.createElement("div");
    right.className = "stack order-2";
    stage.append(right);
    const balls = new Plot(right, { label: "", height: 165, margin: { bottom: 24, left: 50, top: 24 } });
    const traces = new Plot(right, { label: "", height: 205, margin: { left: 50, top: 24 } });
    const place = plane.handle({
      label: "Learning rate and momentum",
      move: ([lr, beta]) => set({ lr: Math.max(0.02, Number(lr.toFixed(2))), beta: Math.min(0.99, Number(beta.toFixed(2))) }),
      say: ([lr, beta]) => `ηL ${plain(lr)}, β ${plain(beta)}`,
    });

    return ({ lr, beta, bowl, step }, width) => {
      const eigenvalues = BOWLS[bowl];
      const split = width >= 560;
      const side = split ? 296 : width;

      plane.frame(split ? width - side : width, {
        x: scaleLinear([0, RIGHT], [0, 1]), y: scaleLinear([0, 1], [0, 1]), title: "Momentum β", xName: "learning rate × steepest curvature, ηL", grid: false,
      });
      plane.landscape(bowl, (x, y) => rate(eigenvalues, x, y), 1, [-1, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1]);
      plane.lines(eigenvalues.flatMap((lambda, i) => [-1, 1].map((side) => ({
        points: CURVE.map((beta) => [(1 + side * Math.sqrt(beta)) ** 2 / lambda, beta]), colour: COLOURS[i],
      }))), "critical");
      plane.lines([{ points: [[2, 0], [4, 1]], colour: "bad" }], "border");
      const best = optimal(eigenvalues.at(-1), eigenvalues[0]);
      plane.words([
        { at: [3.35, 0.36], text: "flies apart", colour: "bad" },
        { at: [3.08, 0.5], text: "2 + 2β", colour: "bad", dx: 6, dy: 12 },
        ...(bowl === "one" ? [{ at: [1.3, 0.66], text: "swings", anchor: "middle" }, { at: [0.05, 0.04], text: "creeps" },
          { at: [1.78, 0.04], text: "jumps", anchor: "middle" }]
          : [{ at: [best.lr, best.beta], text: "best", dx: 8, dy: -6 }]),
      ]);
      plane.dots(bowl === "one" ? [] : [{ at: [best.lr, best.beta] }], "best", { radius: 4 });
      place([lr, beta]);

      const runs = eigenvalues.map((lambda) => run(lambda, lr, beta, STEPS));
      const shown = (w) => Math.max(-1.6, Math.min(1.6, w));
      balls.frame(side, {
        x: scaleLinear([-1.6, 1.6], [0, 1]), y: scaleLinear([-0.06, 0.9], [0, 1]), title: eigenvalues.length > 1 ? "A ball on each parabola" : "The ball and its trace", yTicks: 3,
      });
      balls.lines(eigenvalues.map((lambda, i) => ({
        points: CURVE.map((s) => 3.2 * s - 1.6).map((w) => [w, 0.5 * lambda * w * w]), colour: COLOURS[i],
      })), "bowl");
      balls.dots(runs.flatMap((points, i) => points.slice(Math.max(0, step - 12), step).map((w) => ({
        at: [shown(w), 0.5 * eigenvalues[i] * shown(w) ** 2], colour: COLOURS[i],
      }))), "foot", { radius: 2.5 });
      balls.dots(runs.map((points, i) => ({ at: [shown(points[step]), 0.5 * eigenvalues[i] * shown(points[step]) ** 2], colour: COLOURS[i] })), "ball", { radius: 8 });

      const slowest = rate(eigenvalues, lr, beta);
      traces.frame(side, {
        x: scaleLinear([0, STEPS], [0, 1]), y: scaleLog([1e-6, 1e3], [0, 1]), title: "Distance |w| by eigenvalue", xName: "step",
        yTicks: 4, yFormat: powerOfTen,
      });
      traces.lines(runs.map((points, i) => ({ points: points.map((w, t) => [t, Math.max(Math.abs(w), 1e-9)]), colour: COLOURS[i] })), "curve");
      traces.dots(runs.map((points, i) => ({ at: [step, Math.max(1e-6, Math.min(1e3, Math.abs(points[step])))], colour: COLOURS[i] })), "now");

      const words = eigenvalues.map((lambda) => word(lambda, lr, beta));
      const lines = [...new Set(words)].map((one) => {
        const those = eigenvalues.filter((_, i) => words[i] === one);
        return eigenvalues.length === 1 ? `The ball ${one}` : `${those.map((lambda) => `λ = ${plain(lambda)}`).join(", ")}: ${one}`;
      });
      plane.describe(`The plane of learning rate and momentum. At ηL = ${plain(lr)} and β = ${plain(beta)}: ${lines.join("; ")}.`);
      balls.describe(`Positions at step ${step}: ${runs.map((points) => plain(points[step])).join(", ")}`);
      traces.describe(`Distances over ${STEPS} steps, ending at ${runs.map((points) => plain(Math.abs(points[STEPS]))).join(", ")}`);
      return {
        say: `ηL = ${plain(lr)}, β = ${plain(beta)}. ${lines.join("; ")}. ` + (slowest > 1 + 1e-9
          ? `The border at this β is ${plain(2 + 2 * beta)}.`
          : `In the long run a step leaves ${plain(100 * slowest)} % of the distance${eigenvalues.length > 1 ? ` (at best ${plain(100 * Math.sqrt(best.beta))} %)` : ""}.`),
        table: () => ({
          head: ["λ / L", "what it does", "critical β", "rate of a step", `w after ${step} steps`],
          rows: eigenvalues.map((lambda, i) => [
            plain(lambda), words[i], plain(criticalBeta(lambda, lr)), plain(radius(lambda, lr, beta)), plain(runs[i][step]),
          ]),
        }),
      };
    };
  },
};
