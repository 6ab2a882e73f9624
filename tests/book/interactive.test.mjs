// The mathematics of the interactive figures, in Node, against what the answer key computes. test_interactive_mathematics.py
// writes the answer key's numbers to the file that REFERENCE names, and runs this.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { defaults, format, number, parse, plain, point, subset } from "../../book/interactive/kit/parameters.js";
import * as quadratic from "../../book/interactive/mathematics/quadratic.js";

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
  for (const text of ["lr=", "lr=fast", "lr=NaN", "start=1", "start=a,b", "nonsense=1", "%", "&&=", "lr"]) {
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
