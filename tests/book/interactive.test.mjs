// The mathematics of the interactive figures, in Node, against what the answer key computes. test_interactive_mathematics.py
// writes the answer key's numbers to the file that REFERENCE names, and runs this.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { defaults, format, number, parse, plain, point, subset } from "../../book/interactive/kit/parameters.js";
import { decode, ranked, rightOnes } from "../../book/interactive/mathematics/film.js";
import { backward, forward, GRAPHS, nudged, withWeight } from "../../book/interactive/mathematics/graph.js";
import { LANDSCAPES } from "../../book/interactive/mathematics/landscapes.js";
import { descend, OPTIMISERS } from "../../book/interactive/mathematics/optimisers.js";
import * as heavyBall from "../../book/interactive/mathematics/heavy_ball.js";
import * as noise from "../../book/interactive/mathematics/noise.js";
import * as quadratic from "../../book/interactive/mathematics/quadratic.js";
import { normal, uniform } from "../../book/interactive/mathematics/random.js";
import { RATES, tune } from "../../book/interactive/mathematics/rates.js";

const reference = JSON.parse(readFileSync(process.env.REFERENCE, "utf8"));

/** Nested arrays of numbers that agree to `tolerance`, relative to the largest of each pair and 1. */
function close(found, wanted, tolerance = 1e-10, where = "value") {
  if (Array.isArray(wanted)) {
    assert.equal(found.length, wanted.length, `${where}: length`);
    wanted.forEach((one, i) => close(found[i], one, tolerance, `${where}[${i}]`));
  } else {
    const scale = Math.max(1, Math.abs(wanted));
    assert.ok(Math.abs(found - wanted) <= tolerance * scale, `${where}: found ${found}, expected ${wanted}`);
  }
}

/** A test for each case of one part of the reference; a part without cases is an error. */
function cases(part, check) {
  assert.ok(reference[part]?.length, `the reference has no ${part}`);
  reference[part].forEach((one, i) => test(`${part} ${i}`, () => check(one)));
}

cases("quadratic", ({ eigenvalues, lr, steps, start, history, losses, border, best, rate }) => {
  history.forEach((w, step) => close(quadratic.distances(eigenvalues, lr, step, start), w));
  close(quadratic.losses(eigenvalues, lr, steps, start), losses);
  close(quadratic.maxStableRate(eigenvalues), border);
  close(quadratic.bestFixedRate(eigenvalues), best);
  close(quadratic.rate(eigenvalues, lr), rate);
});

cases("optimisers", ({ name, landscape, start, settings, noise, history, memory }) => {
  const { gradient } = LANDSCAPES[landscape];
  const run = descend(name, gradient, start, { ...settings, noise: (t) => noise[t - 1] }, history.length - 1);
  close(run.map(({ w }) => w), history);
  for (const [key, values] of Object.entries(memory)) close(run.slice(1).map((state) => state[key]), values, 1e-10, key);
});

test("every optimiser of the race is compared", () => {
  assert.deepEqual(new Set(reference.optimisers.map(({ name }) => name)), new Set(Object.keys(OPTIMISERS)));
});

test("numbers on the way to a step belong together", () => {
  const { gradient, start } = LANDSCAPES.valley;
  for (const [t, { w, m, v, mHat, vHat, move }] of descend("adam", gradient, start, { lr: 0.3 }, 20).entries()) {
    if (t === 0) continue;
    close(mHat, m.map((x) => x / (1 - 0.9 ** t)));
    close(vHat, v.map((x) => x / (1 - 0.999 ** t)));
    close(move, mHat.map((x, k) => (-0.3 * x) / (Math.sqrt(vHat[k]) + 1e-8)));
    assert.equal(w.length, 2);
  }
});

test("a run changes nothing in place", () => {
  for (const name of Object.keys(OPTIMISERS)) {
    const start = [-1, 1];
    const run = descend(name, ([x, y]) => [x, 3 * y], start, { lr: 0.1, noise: () => [0, 0] }, 5);
    assert.deepEqual(start, [-1, 1]);
    assert.equal(new Set(run.map(({ w }) => w.join())).size, 6, name);
  }
});

for (const [name, { f, gradient, box, start, lowest }] of Object.entries(LANDSCAPES)) {
  test(`${name}: the slope is the slope of the height`, () => {
    const h = 1e-5;
    for (const s of [0.13, 0.37, 0.52, 0.91]) {
      for (const u of [0.08, 0.44, 0.79]) {
        const at = [box[0][0] + s * (box[0][1] - box[0][0]), box[1][0] + u * (box[1][1] - box[1][0])];
        const slopes = at.map((_, k) => {
          const moved = (d) => at.map((x, j) => (j === k ? x + d : x));
          return (f(moved(h)) - f(moved(-h))) / (2 * h);
        });
        close(gradient(at), slopes, 1e-6);
      }
    }
  });
  test(`${name}: nothing on the map is lower than the lowest point, and the start is on it`, () => {
    close(gradient(lowest), [0, 0], 1e-8);
    for (let i = 0; i <= 60; i += 1) {
      for (let j = 0; j <= 60; j += 1) {
        const at = [[i, 0], [j, 1]].map(([n, k]) => box[k][0] + (n / 60) * (box[k][1] - box[k][0]));
        assert.ok(f(at) >= f(lowest) - 1e-12);
      }
    }
    start.forEach((x, k) => assert.ok(x > box[k][0] && x < box[k][1]));
  });
}

cases("rosenbrock", ({ at, f, gradient }) => {
  close(LANDSCAPES.rosenbrock.f(at), f);
  close(LANDSCAPES.rosenbrock.gradient(at), gradient);
});

cases("heavy_ball", ({ lambda, lr, beta, points, radius, regime, critical, border, rate, best }) => {
  close(heavyBall.run(lambda, lr, beta, points.length - 1), points);
  close(heavyBall.radius(lambda, lr, beta), radius, 1e-7); // an eigenvalue that comes twice is known to half the digits
  assert.equal(heavyBall.regime(lambda, lr, beta), regime);
  close(heavyBall.criticalBeta(lambda, lr), critical);
  close(heavyBall.maxStableRate([lambda, lambda / 3], beta), border);
  close(heavyBall.rate([lambda, lambda / 3], lr, beta), rate);
  const found = heavyBall.optimal(lambda / 30, lambda);
  close([found.lr, found.beta], best);
});

test("the plane has all regimes among its cases", () => {
  const seen = new Set(reference.heavy_ball.map(({ regime }) => regime));
  assert.deepEqual(seen, new Set(["overdamped", "underdamped", "divergent", "critical"]));
});

cases("noise", ({ lambda, lr, batch, schedule, noise: kicks, points, floor }) => {
  const rates = noise.SCHEDULES[schedule](lr, kicks.length);
  close(noise.walk(lambda, rates, batch, kicks, 5), points);
  close(noise.noiseFloor(lambda, lr, 1, batch), floor);
});

test("the mean loss is the mean over many runs, and ends at the floor", () => {
  const [lambda, lr, batch] = [1, 0.5, 4];
  const rates = noise.SCHEDULES.fixed(lr);
  const expected = noise.meanLosses(lambda, rates, batch, 1, 40, 3);
  const next = normal(9);
  const runs = Array.from({ length: 20000 }, () => noise.walk(lambda, rates, batch, Array.from({ length: 40 }, next), 3));
  for (const t of [0, 1, 3, 40]) {
    const measured = runs.reduce((sum, points) => sum + 0.5 * lambda * points[t] ** 2, 0) / runs.length;
    assert.ok(Math.abs(measured / expected[t] - 1) < 0.03, `step ${t}: ${measured} and ${expected[t]}`);
  }
  close(noise.meanLosses(lambda, rates, batch, 1, 400, 3)[400], noise.noiseFloor(lambda, lr, 1, batch));
  assert.equal(noise.noiseFloor(1, 2, 1, 1), Infinity);
});

cases("graph", ({ graph: name, w, values, slopes }) => {
  const graph = withWeight(GRAPHS[name], w);
  const found = forward(graph);
  const { bars, weightBars, pushes } = backward(graph, found);
  for (const [id, value] of Object.entries(found)) close(value, values[id], 1e-12, id);
  for (const [id, slope] of Object.entries({ ...bars, ...weightBars })) close(slope, slopes[id], 1e-12, id);
  assert.equal(Object.keys({ ...bars, ...weightBars }).length, Object.keys(slopes).length);
  close(nudged(graph), slopes[graph.weight], 1e-6);
  for (const { bar, local, message } of pushes) close(message, bar * local);
});

test("a wrong engine is wrong, and only where it should be", () => {
  const slope = (name, fault) => {
    const { bars, weightBars } = backward(GRAPHS[name], forward(GRAPHS[name]), fault);
    return GRAPHS[name].weights ? weightBars[GRAPHS[name].weight] : bars[GRAPHS[name].weight];
  };
  assert.equal(slope("diamond", "none"), 33);
  assert.equal(slope("diamond", "last"), 24);
  assert.equal(slope("chain", "last"), slope("chain", "none"));
  assert.notEqual(slope("chain", "upstream"), slope("chain", "none"));
  assert.notEqual(slope("mazur", "upstream"), slope("mazur", "none"));
});

cases("film", ({ digits, columns, shares }) => {
  const found = decode(digits, columns);
  close(found, shares, 0.5 / 63 + 1e-12);
  found.forEach((row) => {
    const order = ranked(row);
    assert.equal(order[0][1], Math.max(...row));
    assert.equal(row[order[0][0]], order[0][1]);
  });
});

test("what was said is compared letter by letter", () => {
  assert.equal(rightOnes("sremrofsnart", "sremrofsnart"), 12);
  assert.equal(rightOnes("srerrwfrrrrt", [..."sremrofsnart"]), 7);
  assert.equal(rightOnes("", "abc"), 0);
});

test("every rate of the race is the one that the rule finds", () => {
  assert.deepEqual(RATES, tune(LANDSCAPES));
});

test("turning the ravine changes nothing for some optimisers and much for others", () => {
  const height = (name, map) => {
    const { f, gradient, start } = LANDSCAPES[map];
    return f(descend(name, gradient, start, { lr: RATES[map][name] }, 60)[60].w);
  };
  for (const name of ["gd", "momentum", "nesterov"]) close(height(name, "turned") / height(name, "ravine"), 1, 1e-3);
  for (const name of ["adagrad", "rmsprop"]) assert.ok(height(name, "turned") > 1e10 * height(name, "ravine"), name);
});

test("random numbers are repeatable, uniform and normal", () => {
  const draw = (next, count) => Array.from({ length: count }, next);
  assert.deepEqual(draw(normal(3), 5), draw(normal(3), 5));
  assert.notDeepEqual(draw(normal(3), 5), draw(normal(4), 5));
  const moments = (all) => [1, 2, 3, 4].map((p) => all.reduce((sum, x) => sum + x ** p, 0) / all.length);
  moments(draw(uniform(1), 2e5)).forEach((found, i) => close(found, 1 / (i + 2), 0.01));
  moments(draw(normal(1), 2e5)).forEach((found, i) => close(found, [0, 1, 0, 3][i], 0.05));
});

const parameters = {
  lr: number({ min: 0.01, max: 1, value: 0.1 }),
  start: point({ value: null }),
  on: subset({ options: [["gd"], ["adam"]], value: ["gd"] }),
};

test("settings survive the way into an address and back", () => {
  const base = defaults(parameters);
  for (const change of [{}, { lr: 0.25 }, { start: [-1.5, 0.25] }, { on: ["gd", "adam"] }, { on: [], lr: 1 }]) {
    const settings = { ...base, ...change };
    assert.deepEqual(parse(parameters, format(parameters, settings, base), base), settings);
  }
  assert.equal(format(parameters, base, base), "");
});

test("an address typed by hand does no harm", () => {
  const base = defaults(parameters);
  for (const text of ["lr=", "lr=fast", "lr=NaN", "start=1", "start=a,b", "start=,", "start=1,", "nonsense=1", "%", "&&=", "lr"]) {
    assert.deepEqual(parse(parameters, text, base), base, text);
  }
  assert.equal(parse(parameters, "lr=99", base).lr, 1);
  assert.equal(parse(parameters, "lr=-99", base).lr, 0.01);
  assert.deepEqual(parse(parameters, "on=adam.none", base).on, ["adam"]);
});

test("numbers are written to be read", () => {
  const written = [0, 1, -0.5, 0.102, 27.8123, 123456, 4.56e-7, Infinity, -Infinity, NaN].map(plain);
  assert.deepEqual(written, ["0", "1", "−0.5", "0.102", "27.8", "1.2·10⁵", "4.6·10⁻⁷", "∞", "−∞", "–"]);
});
