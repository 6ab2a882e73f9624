// Stochastic gradient descent on the parabola lambda * w**2 / 2: w = w - lr * (lambda*w + noise), where the noise of a
// batch of B examples has the variance sigma2 / B.

/** The rate of step t (from 0) under a schedule. */
export const SCHEDULES = {
  fixed: (lr) => () => lr,
  drop: (lr, steps) => (t) => (t < steps / 2 ? lr : lr / 10),
  fall: (lr) => (t) => lr / (1 + t / 20),
};

/** One run: the point after 0, 1, ... steps, from w. noise: the noise of each step on one example, variance sigma2. */
export function walk(lambda, rates, batch, noise, w) {
  const points = [w];
  noise.forEach((kick, t) => points.push(points[t] - rates(t) * (lambda * points[t] + kick / Math.sqrt(batch))));
  return points;
}

/** The mean loss of all runs there could be, after 0, 1, ..., steps steps from w: exact. */
export function meanLosses(lambda, rates, batch, sigma2, steps, w) {
  let square = w * w; // the mean of w**2
  const losses = [0.5 * lambda * square];
  for (let t = 0; t < steps; t += 1) {
    const lr = rates(t);
    square = (1 - lr * lambda) ** 2 * square + (lr * lr * sigma2) / batch;
    losses.push(0.5 * lambda * square);
  }
  return losses;
}

/** Where the mean loss ends with a fixed rate; Infinity where it does not end, at 2 / lambda and above. */
export const noiseFloor = (lambda, lr, sigma2, batch) =>
  (lr < 2 / lambda ? (lr * sigma2) / (2 * batch * (2 - lr * lambda)) : Infinity);
