// Gradient descent on a quadratic bowl, solved in its eigenbasis: along the axis with eigenvalue lambda, each step with
// the learning rate lr multiplies the distance to the minimum by 1 - lr * lambda.

/** The factor 1 - lr * lambda of each direction. */
export const factors = (eigenvalues, lr) => eigenvalues.map((lambda) => 1 - lr * lambda);

/** Signed distance to the minimum along each axis after `step` steps from `start` (default: 1 on every axis). */
export const distances = (eigenvalues, lr, step, start = eigenvalues.map(() => 1)) =>
  factors(eigenvalues, lr).map((factor, i) => start[i] * factor ** step);

/** The loss, half the sum of lambda * distance squared, after 0, 1, ..., steps. */
export function losses(eigenvalues, lr, steps, start) {
  return Array.from({ length: steps + 1 }, (_, step) =>
    distances(eigenvalues, lr, step, start).reduce((sum, c, i) => sum + 0.5 * eigenvalues[i] * c * c, 0),
  );
}

/** Above this rate the steepest direction grows. */
export const maxStableRate = (eigenvalues) => 2 / Math.max(...eigenvalues);

/** The fixed rate whose largest factor is smallest. */
export const bestFixedRate = (eigenvalues) => 2 / (Math.min(...eigenvalues) + Math.max(...eigenvalues));

/** The largest |factor|: what each step multiplies the distance by in the long run. */
export const rate = (eigenvalues, lr) => Math.max(...factors(eigenvalues, lr).map(Math.abs));
