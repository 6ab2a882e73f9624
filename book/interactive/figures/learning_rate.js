// One bar for each eigenvalue of a bowl: the factor by which a step multiplies the distance along its axis.

import { scaleLinear, scaleLog } from "d3-scale";
import { choice, number, plain, powerOfTen } from "../kit/parameters.js";
import { Plot } from "../kit/plot.js";
import { bestFixedRate, distances, factors, losses, maxStableRate, rate } from "../mathematics/quadratic.js";

const STEPS = 100;
const BOWLS = {
  even: Array.from({ length: 20 }, (_, i) => i + 1),
  ravine: Array.from({ length: 20 }, (_, i) => (i < 19 ? 1 + i / 18 : 20)),
  round: Array.from({ length: 20 }, () => 20),
};

export default {
  label: "The learning rate, and one bar for each eigenvalue",
  parameters: {
    lr: number({ label: "learning rate η", min: 0.001, max: 0.11, step: 0.0005, value: 0.05 }),
    bowl: choice({
      label: "bowl",
      options: [["even", "eigenvalues 1, 2, …, 20"], ["ravine", "nineteen from 1 to 2, one of 20"], ["round", "round: all are 20"]],
      value: "even",
    }),
    step: number({ label: "step", min: 0, max: STEPS, step: 1, value: 0 }),
  },
  controls: () => ["lr", "bowl", "step"],
  run: "step",
  fps: 12,
  create(stage) {
    const bars = new Plot(stage, { label: "", height: 270, name: "wide" });
    const curve = new Plot(stage, { label: "", height: 270, name: "narrow", margin: { left: 54 } });
    bars.svg.append("defs").html(
      '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">' +
      '<rect width="6" height="6" fill="var(--figure-bad)"/><line y2="6" stroke="var(--figure-paper)" stroke-width="2.5"/></pattern>');
    return ({ lr, bowl, step }, width) => {
      const eigenvalues = BOWLS[bowl];
      const all = factors(eigenvalues, lr);
      const left = distances(eigenvalues, lr, step).map(Math.abs);
      const loss = losses(eigenvalues, lr, STEPS);
      const over = all.filter((factor) => Math.abs(factor) > 1 + 1e-12).length;
      const split = width >= 560;
      const wide = split ? Math.floor(width * 0.56) : width;

      const band = scaleLinear([0.4, 20.6], [0, 1]);
      bars.frame(wide, {
        x: band, y: scaleLinear([0, 1.25], [0, 1]), title: "Factor |1 − ηλ| of each direction",
        xName: bowl === "even" ? "eigenvalue λ" : "direction, from the flattest to the steepest", yTicks: 5,
      });
      bars.marks.selectAll("rect").data(all).join("rect")
        .attr("x", (_, i) => band(i + 0.62)).attr("width", band(1.38) - band(0.62))
        .attr("y", (d) => bars.y(Math.min(Math.abs(d), 1.25))).attr("height", (d) => bars.bottom - bars.y(Math.min(Math.abs(d), 1.25)))
        .attr("fill", (d) => (Math.abs(d) > 1 + 1e-12 ? "url(#hatch)" : "var(--figure-gd)"));
      bars.lines([{ points: [[0, 1], [21, 1]], colour: "ink" }], "border");
      bars.dots(step ? left.map((c, i) => ({ at: [i + 1, Math.min(c, 1.22)] })) : [], "left", { radius: 3.5 });
      bars.words(step ? [{ at: [0.6, 1.13], text: `dots: distance left after ${step} step${step > 1 ? "s" : ""}` }]
        : [{ at: [0.6, 1.05], text: "the border: 1", colour: "muted" }]);

      const shown = loss.map((l, t) => [t, Math.max(l, 1e-12)]).filter(([, l]) => l < 1e9);
      curve.frame(split ? width - wide : width, {
        x: scaleLinear([0, STEPS], [0, 1]), y: scaleLog([1e-6, 1e6], [0, 1]), title: "Loss", xName: "step",
        yTicks: 5, yFormat: powerOfTen,
      });
      curve.lines([{ points: shown, colour: over ? "bad" : "gd" }]);
      curve.dots([{ at: [step, Math.min(1e6, Math.max(1e-6, loss[step]))] }], "now");
      bars.describe(`Bars: the factor of each of ${all.length} directions at learning rate ${plain(lr)}, from ${plain(Math.abs(all[0]))} for the flattest to ${plain(Math.abs(all.at(-1)))} for the steepest. ${over} are above 1.`);
      curve.describe(`Loss over 100 steps: from ${plain(loss[0])} to ${plain(loss[STEPS])}.`);

      const slowest = rate(eigenvalues, lr);
      const border = maxStableRate(eigenvalues);
      const lowest = loss.indexOf(Math.min(...loss));
      const verdict = over
        ? `${over === all.length ? "Every direction" : `${over} of ${all.length} directions`} above the line: the loss ${lowest > 0 ? `falls until step ${lowest} and then grows` : "grows from the first step"}.`
        : `All below the line. In the long run each step leaves ${plain(100 * slowest)} % of the distance.`;
      return {
        say: `η = ${plain(lr)} (2/L = ${plain(border)}, best ${plain(bestFixedRate(eigenvalues))}). ${verdict} Loss at step ${step}: ${plain(loss[step])}.`,
        table: () => ({
          head: ["eigenvalue", "factor 1 − ηλ", `distance after ${step} steps`],
          rows: eigenvalues.map((lambda, i) => [plain(lambda), plain(all[i]), plain(left[i])]),
        }),
      };
    };
  },
};
