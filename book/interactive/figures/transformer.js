// A trained Transformer's attention, and what it says, through the course of its training. The film is on the page.

import { scaleLinear, scaleLog } from "d3-scale";
import { choice, number, plain, powerOfTen } from "../kit/parameters.js";
import { Plot } from "../kit/plot.js";
import { decode, ranked, rightOnes } from "../mathematics/film.js";

const HEADS = 8;
const visible = (letter) => ({ " ": "␣", "\n": "↵" })[letter] ?? letter;

export default {
  label: "Attention and samples through the training",
  parameters: {
    task: choice({ label: "the model", options: [["reversal", "reverses words"], ["text", "writes Python"]], value: "reversal" }),
    head: choice({
      label: "head",
      options: Array.from({ length: HEADS }, (_, k) => [String(k + 1), `block ${Math.floor(k / 4) + 1}, head ${(k % 4) + 1}`]), value: "1",
    }),
    place: number({ label: "place", min: 1, max: 23, step: 1, value: 1 }),
    step: number({ label: "picture", min: 0, max: 11, step: 1, value: 0 }),
  },
  controls: () => ["step", "task", "head", "place"],
  run: "step",
  fps: 1.4,
  adapt: (settings, before) => (settings.task !== before.task && settings.place === before.place ? { ...settings, place: 1 } : settings),
  create(stage, { set, id }) {
    const source = document.getElementById("interactive-film");
    if (!source) throw new Error("the page has no film; a cell has to put book.film.html() into it");
    const films = JSON.parse(source.textContent);
    const strip = new Plot(stage, { label: "", height: 180, margin: { top: 24, left: 2, right: 2, bottom: 4 } });
    const maps = new Plot(stage, { label: "", height: 210, margin: { top: 22, left: 2, right: 14, bottom: 4 } });
    const curve = new Plot(stage, { label: "", height: 210, name: "order-2", margin: { left: 46, top: 22 } });
    const sample = document.createElement("pre");
    sample.className = "film-sample order-2";
    sample.setAttribute("aria-label", "What the model writes");
    sample.tabIndex = 0;
    stage.append(sample);
    maps.marks.on("click", (event) => {
      const chosen = event.target.closest("[data-head]")?.dataset.head;
      if (chosen) set({ head: chosen });
    });

    return ({ task, head, place, step: asked }, width) => {
      const film = films[task];
      const step = Math.min(asked, film.frames.length - 1);
      const frame = film.frames[step];
      const letters = [...film.tokens];
      const count = letters.length;
      const rows = count - film.first;
      const row = Math.min(place, rows) - 1;
      const here = film.first + row;
      const all = frame.maps.map((digits) => decode(digits, count));
      const shares = all[head - 1][row];
      const said = [...frame.said];
      const split = width >= 560;

      // the characters that were read, above what the model says comes next, and where it looks for that
      strip.frame(width, { x: scaleLinear([-0.5, count - 0.5], [0, 1]), y: scaleLinear([0, 1], [0, 1]), xTicks: null, yTicks: null,
        title: split ? `After ${frame.step} steps: what is read, what the model says next, where it looks` : `After ${frame.step} steps` });
      const cell = (strip.right - strip.left) / count;
      const [upper, lower] = [strip.bottom - 62, strip.bottom - 16];
      const size = Math.min(15, cell * 0.85);
      strip.marks.selectAll("path.look").data(shares.map((share, k) => ({ share, k })).filter(({ share }) => share >= 0.02), ({ k }) => k).join("path")
        .attr("class", "look").attr("stroke-width", ({ share }) => 1 + 7 * share).attr("stroke-opacity", ({ share }) => 0.25 + 0.75 * share)
        .attr("d", ({ k }) => arc(strip.x(here), strip.x(k), upper - 16, strip.top + 6));
      strip.marks.selectAll("rect.token").data(letters).join("rect").attr("class", "token").attr("rx", 3)
        .attr("x", (_, k) => strip.x(k) - cell * 0.45).attr("width", cell * 0.9).attr("y", upper - 14).attr("height", 24)
        .style("fill", "var(--figure-gd)").attr("fill-opacity", (_, k) => 0.08 + 0.75 * shares[k])
        .classed("chosen", (_, k) => k === here);
      const write = (name, data, y) => strip.marks.selectAll(`text.${name}`).data(data).join("text").attr("class", name)
        .attr("text-anchor", "middle").attr("font-size", size).attr("y", y).text(({ letter }) => visible(letter));
      write("read", letters.map((letter, k) => ({ letter, k })), upper + 4).attr("x", ({ k }) => strip.x(k));
      write("said", said.map((letter, k) => ({ letter, k, right: letter === film.wanted[k] })), lower)
        .attr("x", ({ k }) => strip.x(film.first + k)).style("fill", ({ right }) => `var(--figure-${right ? "good" : "bad"})`)
        .attr("text-decoration", ({ right }) => (right ? "none" : "line-through")).attr("font-weight", ({ k }) => (k === row ? 700 : 400));
      strip.marks.selectAll("text.says").data(film.first ? ["says next:"] : []).join("text").attr("class", "says")
        .attr("text-anchor", "end").attr("x", strip.x(film.first - 1) + cell * 0.4).attr("y", lower).attr("font-size", 12).text((d) => d);

      // the eight heads, small: rows are places that ask, columns places that are looked at
      maps.frame(split ? Math.floor(width * 0.62) : width, {
        x: scaleLinear([0, 4], [0, 1]), y: scaleLinear([2, 0], [0, 1]), xTicks: null, yTicks: null, title: "All eight heads: two blocks of four",
      });
      const [across, down] = [(maps.right - maps.left) / 4, (maps.bottom - maps.top) / 2];
      const panels = maps.marks.selectAll("g.head").data(all).join((enter) => {
        const made = enter.append("g").attr("class", "head");
        made.append("rect").attr("class", "ground");
        return made;
      }).attr("data-head", (_, k) => k + 1).classed("chosen", (_, k) => k === head - 1)
        .attr("transform", (_, k) => `translate(${maps.left + across * (k % 4) + 2},${maps.top + down * Math.floor(k / 4) + 2})`);
      const [w, h] = [(across - 8) / count, (down - 8) / rows];
      panels.select("rect").attr("width", w * count).attr("height", h * rows);
      panels.selectAll("path").data((shares) => byLevel(shares)).join("path")
        .attr("fill-opacity", (_, level) => (level + 1) / 7)
        .attr("d", (cells) => cells.map(([r, c]) => `M${(c * w).toFixed(2)},${(r * h).toFixed(2)}h${w.toFixed(2)}v${h.toFixed(2)}h${(-w).toFixed(2)}z`).join(""));

      const points = film.frames.map((f) => [Math.max(f.step, film.frames[1].step / 2), f.loss]);
      const logarithmic = task === "text";
      curve.frame(split ? width - Math.floor(width * 0.62) : width, {
        x: logarithmic ? scaleLog([10, 2000], [0, 1]) : scaleLinear([0, 100], [0, 1]), y: scaleLinear([0, 5], [0, 1]), title: "Loss on new text", xName: "step", yTicks: 5,
        xTicks: logarithmic ? [10, 100, 1000] : undefined,
      });
      curve.lines([{ points: logarithmic ? points : film.frames.map((f) => [f.step, f.loss]), colour: "adam" }], "curve");
      curve.dots([{ at: logarithmic ? points[step] : [frame.step, frame.loss] }], "now", { colour: "adam", radius: 6 });

      sample.textContent = task === "text" ? frame.sample
        : [film.tokens.slice(0, film.first), ...film.others].map((word, k) => {
          const answer = k ? frame.others[k - 1] : frame.said;
          return `${word} > ${answer}  ${rightOnes(answer, [...word].reverse())} of 12 right`;
        }).join("\n");

      const [[most, share]] = ranked(shares);
      const measure = frame.right == null ? "" : `, ${plain(100 * frame.right)} % of new words reversed`;
      strip.describe(`Read: ${film.tokens}. Said: ${frame.said}, of which ${rightOnes(frame.said, film.wanted)} of ${said.length} are right.`);
      maps.describe(`Attention of eight heads after ${frame.step} steps; the chosen one looks most at “${visible(letters[most])}”, place ${most + 1}, with ${plain(100 * share)} %`);
      curve.describe(`Loss on new text from ${plain(film.frames[0].loss)} to ${plain(film.frames.at(-1).loss)}`);
      return {
        say: `After ${frame.step} steps: loss ${plain(frame.loss)}${measure}. At “${visible(letters[here])}” it says “${visible(said[row])}”` +
          `${said[row] === film.wanted[row] ? ", which is right" : ` and not “${visible(film.wanted[row])}”`}; this head looks there most at “${visible(letters[most])}” (${plain(100 * share)} %).`,
        last: film.frames.length - 1,
        limits: { place: rows },
        table: () => ({
          head: ["place", "read", ...all.map((_, k) => `head ${Math.floor(k / 4) + 1}.${(k % 4) + 1}`)],
          rows: letters.slice(0, here + 1).map((letter, k) => [String(k + 1), visible(letter), ...all.map((one) => `${Math.round(100 * one[row][k])} %`)]),
        }),
      };
    };
  },
};

/** A curve over the strip, from one place to another. */
function arc(from, to, base, top) {
  const high = Math.max(top, base - 14 - Math.abs(from - to) * 0.35);
  return Math.abs(from - to) < 1
    ? `M${from - 4},${base}C${from - 10},${base - 16} ${from + 10},${base - 16} ${from + 4},${base}`
    : `M${from},${base}C${from},${high} ${to},${high} ${to},${base}`;
}

/** The cells [row, column] of a map by the strength of the share, from weak to strong; the weakest are left out. */
function byLevel(shares) {
  const levels = Array.from({ length: 7 }, () => []);
  shares.forEach((line, r) => line.forEach((share, c) => {
    const level = Math.min(7, Math.floor(Math.sqrt(share) * 8));
    if (level > 0) levels[level - 1].push([r, c]);
  }));
  return levels;
}
