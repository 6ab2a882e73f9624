// A plot in SVG that fills the width it is given, with its lettering always at the same size.

import { axisBottom, axisLeft } from "d3-axis";
import { contours } from "d3-contour";
import { drag } from "d3-drag";
import { pointer, select } from "d3-selection";
import { plain } from "./parameters.js";

let count = 0;

export class Plot {
  /** parent: an element. height in pixels. label: what the plot shows, for those who do not see it. */
  constructor(parent, { label, height, margin, name = "", handles = false }) {
    this.height = height;
    this.margin = { top: 26, right: 12, bottom: 40, left: 46, ...margin };
    this.svg = select(parent).append("svg").attr("class", `plot ${name}`).attr("height", height)
      .attr("role", handles ? "group" : "img").attr("aria-label", label);
    const clip = `plot-clip-${(count += 1)}`;
    this.box = this.svg.append("clipPath").attr("id", clip).append("rect");
    this.ground = this.svg.append("g").attr("clip-path", `url(#${clip})`);
    this.grid = this.svg.append("g").attr("class", "plot-grid");
    this.xAxis = this.svg.append("g").attr("class", "plot-axis");
    this.yAxis = this.svg.append("g").attr("class", "plot-axis");
    this.marks = this.svg.append("g").attr("clip-path", `url(#${clip})`);
    this.over = this.svg.append("g");
    this.title = this.svg.append("text").attr("class", "plot-title").attr("y", 14);
    this.xName = this.svg.append("text").attr("class", "plot-name").attr("text-anchor", "end");
  }

  /** Say what the plot shows now. */
  describe(text) {
    this.svg.attr("aria-label", text);
  }

  /** Give the plot its width, the titles of plot and x axis, and the scales x and y, whose ranges are set here. */
  frame(width, { x, y, title = "", xName = "", xTicks, yTicks, xFormat, yFormat, grid = true }) {
    const { margin, height } = this;
    this.left = margin.left;
    this.right = Math.max(width - margin.right, margin.left + 10);
    this.top = margin.top;
    this.bottom = height - margin.bottom;
    x.range([this.left, this.right]);
    y.range([this.bottom, this.top]);
    Object.assign(this, { x, y, width });
    this.svg.attr("width", width).attr("viewBox", `0 0 ${width} ${height}`);
    this.box.attr("x", this.left).attr("y", this.top).attr("width", this.right - this.left).attr("height", this.bottom - this.top);
    this.title.attr("x", this.left).text(title);
    this.xName.attr("x", this.right).attr("y", height - 6).text(xName);
    if (xTicks !== null) {
      this.xAxis.attr("transform", `translate(0,${this.bottom})`)
        .call(Array.isArray(xTicks) ? axisBottom(x).tickValues(xTicks).tickFormat(String).tickSizeOuter(0)
          : axisBottom(x).ticks(xTicks ?? Math.max(3, width / 90), xFormat).tickSizeOuter(0));
    }
    if (yTicks !== null) {
      const scale = axisLeft(y).ticks(yTicks ?? 5, yFormat).tickSizeOuter(0);
      this.yAxis.attr("transform", `translate(${this.left},0)`).call(scale);
      this.grid.selectAll("line").data(grid ? this.yAxis.selectAll(".tick").data() : []).join("line")
        .attr("x1", this.left).attr("x2", this.right).attr("y1", (d) => y(d)).attr("y2", (d) => y(d));
    }
    return this;
  }

  /** Lines through points of the data, one for each { points, colour, name }; what is not finite interrupts a line. */
  lines(series, name = "line") {
    this.marks.selectAll(`path.${name}`).data(series).join("path")
      .attr("class", (d) => `${name} ${d.name ?? ""}`)
      .attr("stroke", (d) => `var(--figure-${d.colour})`)
      .attr("d", (d) => outline(d.points.map(([a, b]) => [this.x(a), this.y(b)])));
  }

  /** Discs at points { at: [x, y], colour, radius } of the data; those that are not finite, or absurdly far away, are left out. */
  dots(points, name, { colour = "ink", radius = 4, layer = this.marks } = {}) {
    const near = points.filter(({ at: [a, b] }) => drawable([this.x(a), this.y(b)]));
    layer.selectAll(`circle.${name}`).data(near).join("circle").attr("class", name)
      .attr("r", (d) => d.radius ?? radius).attr("fill", (d) => `var(--figure-${d.colour ?? colour})`)
      .attr("cx", (d) => this.x(d.at[0])).attr("cy", (d) => this.y(d.at[1]));
  }

  /** Words at places of the data: { at: [x, y], text, colour, dx, dy, anchor }. */
  words(labels, name = "word") {
    this.over.selectAll(`text.${name}`).data(labels).join("text").attr("class", name)
      .style("fill", (d) => `var(--figure-${d.colour ?? "ink"})`).attr("text-anchor", (d) => d.anchor ?? "start")
      .attr("x", (d) => this.x(d.at[0]) + (d.dx ?? 0)).attr("y", (d) => this.y(d.at[1]) + (d.dy ?? 0))
      .text((d) => d.text);
  }

  /**
   * The levels of f(x, y) over the plot, in the colours of the book's landscapes: at eight given thresholds, or spread by
   * `power` from the lowest point to the highest. `key` names f for the cache.
   */
  landscape(key, f, power, thresholds = null) {
    const wanted = `${key} ${this.width}`;
    if (this.landscapeShown === wanted) return;
    this.landscapeShown = wanted;
    const across = 90;
    const up = Math.max(20, Math.round((across * (this.bottom - this.top)) / (this.right - this.left)));
    const toX = (i) => this.left + ((this.right - this.left) * (i - 0.5)) / (across - 1);
    const toY = (j) => this.top + ((this.bottom - this.top) * (j - 0.5)) / (up - 1);
    const heights = [];
    for (let j = 0; j < up; j += 1) {
      for (let i = 0; i < across; i += 1) heights.push(f(this.x.invert(toX(i + 0.5)), this.y.invert(toY(j + 0.5))));
    }
    const low = Math.min(...heights);
    const span = Math.max(...heights) - low;
    const levels = thresholds ?? Array.from({ length: 8 }, (_, k) => (k ? low + span * (k / 8) ** power : low - 1));
    this.ground.selectAll("path").data(contours().size([across, up]).thresholds(levels)(heights)).join("path")
      .attr("class", "level").attr("fill", (_, k) => `var(--figure-level-${k})`)
      .attr("d", (d) => d.coordinates.flat().map((ring) => `${outline(ring.map(([i, j]) => [toX(i), toY(j)]))}Z`).join(""));
  }

  /**
   * A point that can be dragged, or moved with the arrow keys (Shift: five times as far).
   * `move([x, y])` is called with where it was put; returns place([x, y]), which shows it there.
   */
  handle({ label, move, say = ([x, y]) => `${plain(x)}, ${plain(y)}`, dot = 9 }) {
    const plot = this;
    let now = [0, 0];
    const inside = ([x, y]) => [this.x, this.y].map((scale, k) => {
      const [low, high] = scale.domain();
      return Math.min(high, Math.max(low, [x, y][k]));
    });
    const go = (to) => move(inside(to).map((v) => Number(v.toPrecision(4))));
    const knob = this.over.append("g").attr("class", "handle").attr("tabindex", 0).attr("role", "slider")
      .attr("aria-label", `${label}: drag it, or use the arrow keys`);
    knob.append("circle").attr("class", "handle-touch").attr("r", 22);
    knob.append("circle").attr("class", "handle-ring").attr("r", dot);
    knob.append("circle").attr("class", "handle-dot").attr("r", 2.5);
    knob.call(drag().container(this.svg.node()).subject((event) => ({ x: event.x, y: event.y }))
      .on("drag", (event) => go([plot.x.invert(event.x), plot.y.invert(event.y)])));
    knob.on("keydown", (event) => {
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key] ?? [];
      if (dx === undefined) return;
      event.preventDefault();
      const by = (scale) => ((scale.domain()[1] - scale.domain()[0]) / 100) * (event.shiftKey ? 5 : 1);
      go([now[0] + dx * by(plot.x), now[1] + dy * by(plot.y)]);
    });
    this.svg.on("click", (event) => {
      const [px, py] = pointer(event, plot.svg.node());
      if (event.defaultPrevented || px < plot.left || px > plot.right || py < plot.top || py > plot.bottom) return;
      go([plot.x.invert(px), plot.y.invert(py)]);
    });
    return (at) => {
      now = at;
      const [low, high] = plot.x.domain();
      knob.attr("transform", `translate(${plot.x(at[0])},${plot.y(at[1])})`)
        .attr("aria-valuemin", low).attr("aria-valuemax", high).attr("aria-valuenow", at[0])
        .attr("aria-valuetext", say(at));
    };
  }
}

const drawable = ([x, y]) => Math.abs(x) < 1e5 && Math.abs(y) < 1e5;

/** An SVG path through points in pixels. A point that is not finite, or absurdly far away, interrupts it. */
export function outline(points) {
  let path = "";
  let open = false;
  for (const [x, y] of points) {
    const drawn = drawable([x, y]);
    if (drawn) path += `${open ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`;
    open = drawn;
  }
  return path;
}
