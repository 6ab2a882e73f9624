// Optimisers, in the conventions of the book: v = beta*v + g and w = w - lr*v for momentum; eps outside the root;
// bias correction by 1 - beta**t, with t = 1 for the first step.

const map = (f, ...arrays) => arrays[0].map((_, i) => f(...arrays.map((array) => array[i])));
const zeros = (w) => w.map(() => 0);

/**
 * Each takes one step: step(state, gradient, t, settings) -> the new state, with everything that was computed on the way.
 * A state holds w and whatever the optimiser remembers; `move` is what was added to w. Nothing is changed in place.
 */
export const OPTIMISERS = {
  gd: {
    begin: (w) => ({ w }),
    settings: {},
    step({ w }, gradient, t, { lr }) {
      const g = gradient(w);
      return moved(w, g.map((x) => -lr * x), { g });
    },
  },
  momentum: {
    begin: (w) => ({ w, v: zeros(w) }),
    settings: { beta: 0.9 },
    step({ w, v }, gradient, t, { lr, beta }) {
      const g = gradient(w);
      const next = map((v, g) => beta * v + g, v, g);
      return moved(w, next.map((x) => -lr * x), { g, v: next });
    },
  },
  nesterov: {
    begin: (w) => ({ w, v: zeros(w) }),
    settings: { beta: 0.9 },
    step({ w, v }, gradient, t, { lr, beta }) {
      const ahead = map((w, v) => w - lr * beta * v, w, v);
      const g = gradient(ahead);
      const next = map((v, g) => beta * v + g, v, g);
      return moved(w, next.map((x) => -lr * x), { ahead, g, v: next });
    },
  },
  adagrad: {
    begin: (w) => ({ w, s: zeros(w) }),
    settings: { eps: 1e-10 },
    step({ w, s }, gradient, t, { lr, eps }) {
      const g = gradient(w);
      const next = map((s, g) => s + g * g, s, g);
      return moved(w, map((g, s) => (-lr * g) / (Math.sqrt(s) + eps), g, next), { g, s: next });
    },
  },
  rmsprop: {
    begin: (w) => ({ w, v: zeros(w) }),
    settings: { beta2: 0.99, eps: 1e-8 },
    step({ w, v }, gradient, t, { lr, beta2, eps }) {
      const g = gradient(w);
      const next = map((v, g) => beta2 * v + (1 - beta2) * g * g, v, g);
      return moved(w, map((g, v) => (-lr * g) / (Math.sqrt(v) + eps), g, next), { g, v: next });
    },
  },
  adam: {
    begin: (w) => ({ w, m: zeros(w), v: zeros(w) }),
    settings: { beta1: 0.9, beta2: 0.999, eps: 1e-8 },
    step({ w, m, v }, gradient, t, { lr, beta1, beta2, eps }) {
      const g = gradient(w);
      const m1 = map((m, g) => beta1 * m + (1 - beta1) * g, m, g);
      const v1 = map((v, g) => beta2 * v + (1 - beta2) * g * g, v, g);
      const mHat = m1.map((x) => x / (1 - beta1 ** t));
      const vHat = v1.map((x) => x / (1 - beta2 ** t));
      return moved(w, map((m, v) => (-lr * m) / (Math.sqrt(v) + eps), mHat, vHat), { g, m: m1, v: v1, mHat, vHat });
    },
  },
  lion: {
    begin: (w) => ({ w, m: zeros(w) }),
    settings: { beta1: 0.9, beta2: 0.99 },
    step({ w, m }, gradient, t, { lr, beta1, beta2 }) {
      const g = gradient(w);
      const mix = map((m, g) => beta1 * m + (1 - beta1) * g, m, g);
      return moved(w, mix.map((x) => -lr * Math.sign(x)), { g, mix, m: map((m, g) => beta2 * m + (1 - beta2) * g, m, g) });
    },
  },
};
// The gradient of a few examples, as far as a landscape can know: the slope, and noise on it. `noise(t)` is the noise of
// step t, an array like w.
OPTIMISERS.sgd = {
  begin: OPTIMISERS.gd.begin,
  settings: {},
  step: (state, gradient, t, { lr, noise }) =>
    OPTIMISERS.gd.step(state, (w) => map((g, n) => g + n, gradient(w), noise(t)), t, { lr }),
};

const moved = (w, move, rest) => ({ ...rest, w: map((w, d) => w + d, w, move), move });

/** All states of a run of `steps` steps from `start`: the first holds no more than w and what is remembered. */
export function descend(name, gradient, start, settings, steps) {
  const { begin, step, settings: own } = OPTIMISERS[name];
  const states = [begin(start)];
  for (let t = 1; t <= steps; t += 1) states.push(step(states[t - 1], gradient, t, { ...own, ...settings }));
  return states;
}
