// The learning rates of the race. Every optimiser is tuned by the same rule, `tunedRate`, on each landscape from its own
// start. The table is what the rule finds; a test computes it again.

import { descend, OPTIMISERS } from "./optimisers.js";
import { normal } from "./random.js";

/** How many steps a race has. */
export const STEPS = 60;

const SEED = 7;

/** The noise of each step on a landscape, for stochastic descent: the same in every race. */
export function noiseOn({ noise = 0.5 }) {
  const next = normal(SEED);
  const all = Array.from({ length: STEPS + 1 }, () => [noise * next(), noise * next()]);
  return (t) => all[t];
}

/**
 * The rate, of a grid from 0.001 to 10 with ten rates to an order of magnitude, that leads lowest in STEPS steps without
 * leaving the box of the landscape.
 */
export function tunedRate(name, landscape) {
  const { f, gradient, start, box } = landscape;
  const noise = noiseOn(landscape);
  const allowed = ({ w }) => w.every((x, k) => x > box[k][0] && x < box[k][1]);
  let best = { lr: 0.001, height: Infinity };
  for (let k = 0; k <= 40; k += 1) {
    const lr = Number((10 ** (-3 + k / 10)).toPrecision(3));
    const path = descend(name, gradient, start, { lr, noise }, STEPS);
    const height = f(path[STEPS].w);
    if (height < best.height && path.every(allowed)) best = { lr, height };
  }
  return best.lr;
}

/** The whole table anew: { landscape: { optimiser: rate } }. */
export const tune = (landscapes) => Object.fromEntries(Object.entries(landscapes).map(([name, landscape]) => [
  name, Object.fromEntries(Object.keys(OPTIMISERS).map((one) => [one, tunedRate(one, landscape)])),
]));

export const RATES = {
  valley: { gd: 0.631, momentum: 0.794, nesterov: 0.251, adagrad: 0.631, rmsprop: 0.0631, adam: 0.794, lion: 0.0794, sgd: 0.501 },
  ravine: { gd: 0.0316, momentum: 0.0501, nesterov: 0.01, adagrad: 2, rmsprop: 0.2, adam: 0.631, lion: 0.2, sgd: 0.0316 },
  turned: { gd: 0.0316, momentum: 0.0501, nesterov: 0.01, adagrad: 1, rmsprop: 0.1, adam: 1, lion: 0.0501, sgd: 0.0316 },
  rosenbrock: { gd: 0.00398, momentum: 0.00316, nesterov: 0.00158, adagrad: 1.58, rmsprop: 0.158, adam: 0.794, lion: 0.251, sgd: 0.00398 },
  saddle: { gd: 0.631, momentum: 1.26, nesterov: 0.501, adagrad: 1, rmsprop: 0.1, adam: 1, lion: 0.1, sgd: 0.1 },
  plateau: { gd: 0.631, momentum: 0.631, nesterov: 0.631, adagrad: 0.501, rmsprop: 0.0794, adam: 0.501, lion: 0.1, sgd: 0.631 },
  hollows: { gd: 0.501, momentum: 0.0794, nesterov: 0.501, adagrad: 0.398, rmsprop: 0.0631, adam: 0.0631, lion: 0.0501, sgd: 0.126 },
};
