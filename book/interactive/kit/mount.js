// A figure in its place on the page: controls, drawing, readout, table of numbers, address, presets, question.

import { controls } from "./controls.js";
import { defaults, format, parse } from "./parameters.js";

const REST = 400; // milliseconds without a change, after which the state is announced and written to the address
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Bring the figure in `root` to life.
 *
 * A figure is { label, parameters, controls, run, create }.
 *   controls: names of the parameters that get a control, in order
 *   run: the name of the number parameter that Play advances, with `fps` steps a second
 *   create(stage, api): makes the drawing once; returns draw(settings, width), which shows any settings and returns
 *     { say: one or two sentences, table: () => ({ head, rows }), last: where Play ends, limits: what sliders end at }
 *   adapt(settings, before): the settings after a change of `before` into `settings` (to start again, say)
 */
export function mount(root, figure) {
  const { parameters } = figure;
  const id = root.id;
  const options = new Set((root.dataset.options || "").split(" "));
  const own = { ...defaults(parameters), ...(figure.defaults?.(options) ?? {}) };
  const adapt = figure.adapt ?? ((settings) => settings);
  const initial = adapt(parse(parameters, root.dataset.state || "", own), own);
  let settings = initial;
  let last = parameters[figure.run]?.max;
  let timer = null;
  let byItself = false; // it plays, and nobody has touched it
  const at = () => settings[figure.run];

  const stage = element("div", "interactive-live");
  const drawing = element("div", "interactive-drawing");
  const readout = element("p", "interactive-readout");
  const live = element("p", "interactive-status");
  live.setAttribute("role", "status");
  const numbers = element("details", "interactive-numbers");
  const summary = element("summary", "");
  summary.textContent = "The numbers";
  const sheet = element("div", "interactive-sheet");
  Object.assign(sheet, { tabIndex: 0 });
  sheet.setAttribute("role", "region");
  sheet.setAttribute("aria-label", `${figure.label}: the numbers`);
  numbers.append(summary, sheet);

  const panel = controls({ figure, id, options, set, toggle, move, restart });
  stage.append(drawing, panel.element, readout, live, numbers);
  const draw = figure.create(drawing, { set, id, options });
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", figure.label);
  root.querySelector("figure").prepend(stage);
  root.classList.add("interactive-ready");

  let width = 0;
  let table = null;
  let resting = null;
  let queued = false;

  function show() {
    queued = false;
    if (!width) return;
    const shown = draw(settings, width);
    last = shown.last ?? last;
    if (at() > last) settings = { ...settings, [figure.run]: last };
    readout.textContent = shown.say;
    table = shown.table;
    if (numbers.open) fill();
    panel.show(settings, { last, limits: shown.limits ?? {}, playing: timer !== null, still: still.matches });
  }
  function redraw() {
    if (!queued) requestAnimationFrame(show);
    queued = true;
  }

  /** Change some settings because the reader did something, or because Play goes on. */
  function set(change) {
    const next = { ...settings, ...change };
    if (figure.run in change) next[figure.run] = Math.round(Math.min(last, Math.max(0, next[figure.run])));
    settings = adapt(next, settings);
    redraw();
    clearTimeout(resting);
    resting = setTimeout(rest, REST);
  }
  function rest() {
    if (byItself) return; // nothing to announce, and the address stays that of the page
    if (timer === null) live.textContent = readout.textContent;
    const text = format(parameters, settings, initial);
    const hash = text ? `#fig=${id.replace(/^interactive-/, "")}&${text}` : `#${id}`;
    if (hash !== location.hash) {
      try {
        history.replaceState(history.state, "", hash);
      } catch { /* a page that may not write its address works all the same */ }
    }
  }

  function toggle() {
    if (timer !== null) return stop();
    if (at() >= last) set({ [figure.run]: 0 });
    if (still.matches) return set({ [figure.run]: last });
    let before = performance.now();
    let carry = 0;
    const go = (now) => {
      carry += ((now - before) / 1000) * figure.fps;
      before = now;
      const whole = Math.floor(carry);
      carry -= whole;
      if (whole) set({ [figure.run]: at() + Math.min(whole, 5) });
      if (at() >= last && !figure.endless) stop();
      else timer = requestAnimationFrame(go);
    };
    timer = requestAnimationFrame(go);
    redraw();
  }
  function stop() {
    cancelAnimationFrame(timer);
    timer = null;
    redraw();
    clearTimeout(resting);
    resting = setTimeout(rest, REST);
  }
  /** Go to a step by hand, which ends Play. */
  function move(to) {
    if (timer !== null) stop();
    set({ [figure.run]: to });
  }
  function restart() {
    if (timer !== null) stop();
    set({ [figure.run]: 0 });
  }

  function fill() {
    const { head, rows } = table();
    const line = (cells, tag) => {
      const row = document.createElement("tr");
      for (const text of cells) {
        const cell = document.createElement(tag);
        if (tag === "th") cell.scope = "col";
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    };
    const made = document.createElement("table");
    made.append(element("thead", ""), element("tbody", ""));
    made.tHead.append(line(head, "th"));
    made.tBodies[0].append(...rows.map((row) => line(row, "td")));
    sheet.replaceChildren(made);
  }
  numbers.addEventListener("toggle", () => numbers.open && table && fill());

  /** Settings from a preset, an answer or the address: everything else goes back to how the page set it. */
  function load(text, { play = false } = {}) {
    if (timer !== null) stop();
    settings = initial;
    last = parameters[figure.run]?.max; // of what was shown before; the drawing says where this one ends
    set(parse(parameters, text, initial));
    if (play && figure.run && !/(^|&)step=/.test(text)) toggle();
  }
  for (const button of root.querySelectorAll("button[data-state]")) {
    button.addEventListener("click", () => load(button.dataset.state, { play: true }));
  }
  question(root, (state) => load(state, { play: true }), (text) => (live.textContent = text));

  function follow() {
    const found = new URLSearchParams(location.hash.slice(1));
    if (`interactive-${found.get("fig")}` !== id) return false;
    load(location.hash.slice(1));
    root.scrollIntoView();
    return true;
  }
  addEventListener("hashchange", follow);

  new ResizeObserver(([entry]) => {
    const found = Math.floor(entry.contentRect.width);
    if (found !== width) {
      width = found;
      show();
    }
  }).observe(stage);
  width = Math.floor(stage.getBoundingClientRect().width);
  show();
  const sent = follow();

  if (options.has("autoplay") && !sent && !still.matches) {
    const seen = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      seen.disconnect();
      if (timer !== null || at() !== initial[figure.run]) return;
      byItself = true;
      for (const kind of ["pointerdown", "keydown"]) root.addEventListener(kind, () => (byItself = false), true);
      toggle();
    }, { threshold: 0.5 });
    seen.observe(stage);
  }
}

/** The question beside a figure: a choice opens the answer, says whether it was right, and sets the figure to show it. */
function question(root, load, announce) {
  const asked = root.querySelector(".interactive-question");
  const answer = root.querySelector(".interactive-answer");
  if (!asked || !answer) return;
  const verdict = element("p", "interactive-verdict");
  answer.querySelector("summary").after(verdict);
  let shown = false;
  const reveal = () => {
    if (!shown && asked.dataset.state != null) load(asked.dataset.state);
    shown = true;
  };
  asked.addEventListener("change", (event) => {
    const right = event.target.value === asked.dataset.answer;
    const label = asked.querySelector(`input[value="${asked.dataset.answer}"]`).parentElement.textContent.trim();
    verdict.textContent = right ? "That is right." : `Not so. The answer is: ${label}.`;
    verdict.dataset.right = right;
    answer.open = true;
    announce(verdict.textContent);
    reveal();
  });
  answer.addEventListener("toggle", () => answer.open && reveal());
}

function element(tag, name) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  return made;
}
