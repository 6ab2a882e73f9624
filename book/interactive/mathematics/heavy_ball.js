// Heavy ball on parabolas: v = beta*v + lambda*w, w = w - lr*v. A step is linear, and its two eigenvalues z solve
// z**2 - (1 + beta - lr*lambda)*z + beta = 0.

/** The point after 0, 1, ..., steps steps on lambda * w**2 / 2, from w at rest. */
export function run(lambda, lr, beta, steps, w = 1) {
  const points = [w];
  let v = 0;
  for (let t = 0; t < steps; t += 1) {
    v = beta * v + lambda * points[t];
    points.push(points[t] - lr * v);
  }
  return points;
}

/** The largest modulus of the two eigenvalues: what a step multiplies the distance by in the long run. */
export function radius(lambda, lr, beta) {
  const trace = 1 + beta - lr * lambda;
  const discriminant = trace * trace - 4 * beta;
  return discriminant < 0 ? Math.sqrt(beta) : (Math.abs(trace) + Math.sqrt(discriminant)) / 2;
}

/** The radius in the slowest of several directions. */
export const rate = (eigenvalues, lr, beta) => Math.max(...eigenvalues.map((lambda) => radius(lambda, lr, beta)));

/** "divergent", "critical", "overdamped" or "underdamped", as the exercise of the chapter names them. */
export function regime(lambda, lr, beta) {
  const trace = 1 + beta - lr * lambda;
  const discriminant = trace * trace - 4 * beta;
  if (radius(lambda, lr, beta) > 1 + 1e-9) return "divergent";
  if (Math.abs(discriminant) <= 1e-9) return "critical";
  return discriminant > 0 ? "overdamped" : "underdamped";
}

/** The smallest beta with which the run swings. */
export const criticalBeta = (lambda, lr) => (1 - Math.sqrt(lr * lambda)) ** 2;

/** The rate above which the steepest direction flies apart. */
export const maxStableRate = (eigenvalues, beta) => (2 + 2 * beta) / Math.max(...eigenvalues);

/** The best pair for eigenvalues between mu and L (Polyak 1964): { lr, beta }. */
export function optimal(mu, L) {
  const [a, b] = [Math.sqrt(mu), Math.sqrt(L)];
  return { lr: (2 / (a + b)) ** 2, beta: ((b - a) / (b + a)) ** 2 };
}
