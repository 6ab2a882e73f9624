// Reverse-mode differentiation on a graph of numbers. The nodes are in topological order: what a node uses stands before it.

const squash = (z) => 1 / (1 + Math.exp(-z));
const sum = (terms) => terms.reduce((a, b) => a + b, 0);

/** What a node can do: its value from the values of its inputs, and its local slopes, one for each input. */
const RULES = {
  scale: { value: ([x], { by }) => by * x, slopes: (_, { by }) => [by] },
  square: { value: ([x]) => x * x, slopes: ([x]) => [2 * x] },
  plus: { value: ([x], { by }) => x + by, slopes: () => [1] },
  product: { value: ([x, y]) => x * y, slopes: ([x, y]) => [y, x] },
  // a neuron: the inputs times the weights, plus the bias, squashed
  neuron: {
    before: (inputs, { bias }, weights) => sum(inputs.map((x, i) => weights[i] * x)) + bias,
    value: (inputs, node, weights) => squash(RULES.neuron.before(inputs, node, weights)),
    slopes: (_, node, weights, a) => weights.map((w) => w * a * (1 - a)),
    weightSlopes: (inputs, a) => inputs.map((x) => x * a * (1 - a)),
  },
  halfSquares: {
    value: (inputs, { targets }) => sum(inputs.map((x, i) => 0.5 * (x - targets[i]) ** 2)),
    slopes: (inputs, { targets }) => inputs.map((x, i) => x - targets[i]),
  },
};

export const GRAPHS = {
  chain: {
    weight: "w",
    nodes: [
      { id: "w", input: 2 },
      { id: "u", op: "scale", by: 3, inputs: ["w"], text: "u = 3w" },
      { id: "f", op: "square", inputs: ["u"], text: "f = u²" },
    ],
  },
  diamond: {
    weight: "w",
    nodes: [
      { id: "w", input: 3 },
      { id: "a", op: "square", inputs: ["w"], text: "a = w²" },
      { id: "b", op: "plus", by: 1, inputs: ["w"], text: "b = w + 1" },
      { id: "f", op: "product", inputs: ["a", "b"], text: "f = a·b" },
    ],
  },
  // Matt Mazur, A Step by Step Backpropagation Example (2015)
  mazur: {
    weight: "w₅",
    weights: { "w₁": 0.15, "w₂": 0.2, "w₃": 0.25, "w₄": 0.3, "w₅": 0.4, "w₆": 0.45, "w₇": 0.5, "w₈": 0.55 },
    nodes: [
      { id: "x₁", input: 0.05 },
      { id: "x₂", input: 0.1 },
      { id: "h₁", op: "neuron", bias: 0.35, inputs: ["x₁", "x₂"], weights: ["w₁", "w₂"], text: "h₁ = σ(w₁x₁ + w₂x₂ + 0.35)" },
      { id: "h₂", op: "neuron", bias: 0.35, inputs: ["x₁", "x₂"], weights: ["w₃", "w₄"], text: "h₂ = σ(w₃x₁ + w₄x₂ + 0.35)" },
      { id: "o₁", op: "neuron", bias: 0.6, inputs: ["h₁", "h₂"], weights: ["w₅", "w₆"], text: "o₁ = σ(w₅h₁ + w₆h₂ + 0.60)" },
      { id: "o₂", op: "neuron", bias: 0.6, inputs: ["h₁", "h₂"], weights: ["w₇", "w₈"], text: "o₂ = σ(w₇h₁ + w₈h₂ + 0.60)" },
      { id: "f", op: "halfSquares", targets: [0.01, 0.99], inputs: ["o₁", "o₂"], text: "f = ½(o₁ − 0.01)² + ½(o₂ − 0.99)²" },
    ],
  },
};

/** The value that the graph starts with at the place that the reader can change. */
export function startingWeight({ weight, weights, nodes }) {
  return weights?.[weight] ?? nodes.find(({ id }) => id === weight).input;
}

/** The graph with another value there. */
export function withWeight(graph, value) {
  if (graph.weights) return { ...graph, weights: { ...graph.weights, [graph.weight]: value } };
  return { ...graph, nodes: graph.nodes.map((node) => (node.id === graph.weight ? { ...node, input: value } : node)) };
}

const weightsOf = (graph, node) => node.weights?.map((name) => graph.weights[name]);

/** { id: value }, from the inputs to the end. */
export function forward(graph) {
  const values = {};
  for (const node of graph.nodes) {
    values[node.id] = node.op
      ? RULES[node.op].value(node.inputs.map((id) => values[id]), node, weightsOf(graph, node))
      : node.input;
  }
  return values;
}

/** What a wrong engine does with the slope that arrives at a number. */
export const FAULTS = {
  none: { keep: (before, arriving) => before + arriving, send: (bar, local) => bar * local },
  last: { keep: (_, arriving) => arriving, send: (bar, local) => bar * local },
  upstream: { keep: (before, arriving) => before + arriving, send: (_, local) => local },
};

/**
 * From the end to the inputs, one edge after another. Returns { pushes, bars, weightBars }: pushes are, in order,
 * { from, to, bar, local, message, total, weight, weightBar }, where total is what has been gathered at `to` so far.
 */
export function backward(graph, values, fault = "none") {
  const { keep, send } = FAULTS[fault];
  const bars = Object.fromEntries(graph.nodes.map(({ id }) => [id, 0]));
  bars[graph.nodes.at(-1).id] = 1;
  const weightBars = {};
  const pushes = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.op) continue;
    const inputs = node.inputs.map((id) => values[id]);
    const weights = weightsOf(graph, node);
    const locals = RULES[node.op].slopes(inputs, node, weights, values[node.id]);
    const ofWeights = RULES[node.op].weightSlopes?.(inputs, values[node.id]);
    node.inputs.forEach((to, i) => {
      const message = send(bars[node.id], locals[i]);
      bars[to] = keep(bars[to], message);
      const push = { from: node.id, to, bar: bars[node.id], local: locals[i], message, total: bars[to] };
      if (weights) {
        push.weight = node.weights[i];
        push.weightBar = send(bars[node.id], ofWeights[i]);
        weightBars[push.weight] = push.weightBar;
      }
      pushes.push(push);
    });
  }
  return { pushes, bars, weightBars };
}

/** The slope of the end with respect to the graph's weight, by nudging it to both sides. */
export function nudged(graph, h = 1e-5) {
  const end = graph.nodes.at(-1).id;
  const w = startingWeight(graph);
  return (forward(withWeight(graph, w + h))[end] - forward(withWeight(graph, w - h))[end]) / (2 * h);
}
