// Forward and backward through a graph of numbers, one step at a time, with the numbers on every edge.

import { scaleLinear } from "d3-scale";
import { choice, number, plain } from "../kit/parameters.js";
import { Plot } from "../kit/plot.js";
import { backward, forward, GRAPHS, nudged, startingWeight, withWeight } from "../mathematics/graph.js";

// where the nodes stand: [along, across]; and how far along an edge its label stands, so that labels of crossing edges part
const PLACES = {
  chain: { "w": [0, 0], "u": [1, 0], "f": [2, 0] },
  diamond: { "w": [0, 0], "a": [1, -1], "b": [1, 1], "f": [2, 0] },
  mazur: { "x₁": [0, -1], "x₂": [0, 1], "h₁": [1, -1], "h₂": [1, 1], "o₁": [2, -1], "o₂": [2, 1], "f": [3, 0] },
};
const BOX = { width: 84, height: 56 };

/** What happens at each step: nothing yet, a value forward, the end's slope of 1, a slope back along an edge. */
function script(graph, back) {
  return [
    { kind: "start" },
    ...graph.nodes.filter(({ op }) => op).map((node) => ({ kind: "forward", node })),
    { kind: "seed" },
    ...back.pushes.map((push) => ({ kind: "back", push })),
  ];
}

export default {
  label: "Forward and backward through a graph",
  parameters: {
    graph: choice({
      label: "graph", options: [["chain", "two in a row"], ["diamond", "a number used twice"], ["mazur", "Mazur's network"]], value: "mazur",
    }),
    w: number({ label: "weight w (w₅)", min: -10, max: 10, step: 0.1, value: 0.4 }),
    fault: choice({
      label: "the engine",
      options: [["none", "adds what arrives"], ["last", "keeps only the last"], ["upstream", "forgets the slope above"]], value: "none",
    }),
    step: number({ label: "step", min: 0, max: 30, step: 1, value: 0 }),
  },
  controls: () => ["step", "graph", "w", "fault"],
  run: "step",
  fps: 1.6,
  adapt: (settings, before) => (settings.graph !== before.graph && settings.w === before.w
    ? { ...settings, w: startingWeight(GRAPHS[settings.graph]) } : settings),
  create(stage, { id }) {
    const plot = new Plot(stage, { label: "", height: 340, margin: { top: 10, bottom: 10 } });
    plot.svg.append("defs").html(["muted", "adam"].map((colour) =>
      `<marker id="${id}-${colour}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto-start-reverse">` +
      `<path d="M0,0L8,4L0,8z" fill="var(--figure-${colour})"/></marker>`).join(""));

    return ({ graph: name, w, fault, step: asked }, width) => {
      const graph = withWeight(GRAPHS[name], w);
      const values = forward(graph);
      const back = backward(graph, values, fault);
      const steps = script(graph, back);
      const step = Math.min(asked, steps.length - 1);
      const done = steps.slice(0, step + 1);
      const now = steps[step];
      const known = new Set([...graph.nodes.filter(({ op }) => !op).map(({ id }) => id), ...done.filter((s) => s.node).map((s) => s.node.id)]);
      const pushed = done.filter((s) => s.push).map((s) => s.push);
      const seeded = done.some((s) => s.kind === "seed");
      const end = graph.nodes.at(-1).id;
      const gathered = (id) => (id === end ? (seeded ? 1 : null) : pushed.filter((p) => p.to === id).at(-1)?.total ?? null);

      // on a phone the graph runs from the top down
      const upright = width < 560;
      const places = PLACES[name];
      const long = Math.max(...Object.values(places).map(([along]) => along));
      plot.height = upright ? 560 : 340;
      plot.svg.attr("height", plot.height);
      plot.margin.left = plot.margin.right = BOX.width / 2 + (upright ? 12 : 4);
      plot.margin.top = plot.margin.bottom = BOX.height / 2 + (upright ? 4 : 24);
      plot.frame(width, {
        x: scaleLinear(upright ? [-1, 1] : [0, long], [0, 1]), y: scaleLinear(upright ? [long, 0] : [1, -1], [0, 1]), xTicks: null, yTicks: null,
      });
      const at = (id) => (upright ? [plot.x(places[id][1]), plot.y(places[id][0])] : [plot.x(places[id][0]), plot.y(places[id][1])]);

      const edges = graph.nodes.filter(({ op }) => op).flatMap((node) => node.inputs.map((from, i) => {
        const [a, b] = [at(from), at(node.id)];
        const crossing = places[from][1] !== places[node.id][1] && places[from][1] !== 0 && places[node.id][1] !== 0;
        const push = pushed.find((p) => p.from === node.id && p.to === from);
        const weight = node.weights?.[i];
        const local = back.pushes.find((p) => p.from === node.id && p.to === from).local;
        return {
          key: `${from}-${node.id}`, ...clipped(a, b), push, weight,
          active: now.push ? now.push.from === node.id && now.push.to === from : now.node === node,
          label: [a[0] + (b[0] - a[0]) * (crossing ? 0.33 : 0.5), a[1] + (b[1] - a[1]) * (crossing ? 0.33 : 0.5)],
          level: a[1] === b[1], // on a level edge one line stands above and one below
          lines: [
            weight ? `${weight} = ${plain(graph.weights[weight])}` : known.has(node.id) ? `× ${plain(local)}` : "",
            push ? (weight ? `slope ${plain(push.weightBar)}` : plain(push.message)) : "",
          ],
        };
      }));
      plot.over.selectAll("line").data(edges, (d) => d.key).join("line")
        .attr("x1", (d) => d.start[0]).attr("y1", (d) => d.start[1]).attr("x2", (d) => d.stop[0]).attr("y2", (d) => d.stop[1])
        .attr("class", (d) => (d.active ? "edge active" : "edge"))
        .style("stroke", (d) => `var(--figure-${d.push ? "adam" : "muted"})`)
        .attr("marker-start", (d) => (d.push ? `url(#${id}-adam)` : null)).attr("marker-end", (d) => (d.push ? null : `url(#${id}-muted)`));
      const label = plot.over.selectAll("text.edge-label").data(edges, (d) => d.key).join("text").attr("class", "word edge-label")
        .attr("text-anchor", "middle");
      label.selectAll("tspan").data((d) => d.lines.map((text, i) => ({ text, i, label: d.label, apart: d.level ? 3 : 0 }))).join("tspan")
        .attr("x", (d) => d.label[0]).attr("y", (d) => d.label[1] + (d.i ? 12 + d.apart : -3 - d.apart)).text((d) => d.text)
        .style("fill", (d) => `var(--figure-${d.i ? "adam" : "ink"})`);

      const nodes = plot.over.selectAll("g.node").data(graph.nodes, (d) => `${name} ${d.id}`).join((enter) => {
        const made = enter.append("g");
        made.append("rect").attr("x", -BOX.width / 2).attr("y", -BOX.height / 2).attr("width", BOX.width).attr("height", BOX.height).attr("rx", 8);
        for (const [part, dy] of [["name", -12], ["value", 5], ["bar", 21]]) made.append("text").attr("class", part).attr("dy", dy);
        return made;
      });
      nodes.raise().attr("transform", ({ id }) => `translate(${at(id)})`)
        .attr("class", (d) => (now.node === d || (now.kind === "seed" && d.id === end) || now.push?.to === d.id ? "node active" : "node"));
      nodes.select(".name").text(({ id, text }) => (text && text.length < 12 ? text : id));
      nodes.select(".value").text(({ id }) => (known.has(id) ? plain(values[id]) : "?")).style("fill", "var(--figure-gd)");
      nodes.select(".bar").text(({ id }) => (gathered(id) === null ? "" : `slope ${plain(gathered(id))}`)).style("fill", "var(--figure-adam)");
      label.raise();

      const measured = nudged(graph);
      const found = graph.weights ? back.weightBars[graph.weight] : back.bars[graph.weight];
      const right = Math.abs(found - measured) <= 1e-6 * Math.max(1, Math.abs(measured));
      const ending = step === steps.length - 1
        ? ` Done: the slope of ${graph.weight} is ${plain(found)}. Nudging ${graph.weight} measures ${plain(measured)}${right ? "" : ": the engine is wrong"}.` : "";
      const say = {
        start: () => `${graph.weight} = ${plain(w)}. The inputs and weights are known, and nothing else. Press Step, or Play.`,
        forward: () => `Forward: ${now.node.text} = ${plain(values[now.node.id])}.`,
        seed: () => `The end moves as far as itself: its slope is 1. Now the way back.`,
        back: () => {
          const { from, to, bar, local, message, total, weight, weightBar } = now.push;
          const sent = fault === "upstream" ? `only the local slope, ${plain(local)}` : `${plain(bar)} × ${plain(local)} = ${plain(message)}`;
          return `Back from ${from} to ${to}: ${sent}; gathered at ${to}: ${plain(total)}.${weight ? ` On the way, the slope of ${weight}: ${plain(weightBar)}.` : ""}`;
        },
      }[now.kind]() + ending;
      plot.describe(`A graph of ${graph.nodes.length} numbers. Known: ${[...known].map((id) => `${id} = ${plain(values[id])}`).join(", ")}. ` +
        `Slopes so far: ${graph.nodes.filter(({ id }) => gathered(id) !== null).map(({ id }) => `${id} ${plain(gathered(id))}`).join(", ") || "none"}.`);
      return {
        say,
        last: steps.length - 1,
        table: () => ({
          head: ["number", "value", "slope of the end"],
          rows: [
            ...graph.nodes.map(({ id }) => [id, known.has(id) ? plain(values[id]) : "–", gathered(id) === null ? "–" : plain(gathered(id))]),
            ...Object.entries(graph.weights ?? {}).map(([id, value]) => {
              const push = pushed.find((p) => p.weight === id);
              return [id, plain(value), push ? plain(push.weightBar) : "–"];
            }),
          ],
        }),
      };
    };
  },
};

/** The part of the line from a to b that lies between the boxes there. */
function clipped(a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const out = Math.min(BOX.width / 2 / Math.max(Math.abs(dx), 1e-9), BOX.height / 2 / Math.max(Math.abs(dy), 1e-9)) + 4 / Math.hypot(dx, dy);
  return { start: [a[0] + dx * out, a[1] + dy * out], stop: [b[0] - dx * out, b[1] - dy * out] };
}
