// What a figure can be set to. A figure names its parameters; the text form of their values, as in
// "lr=0.102&step=30", is what the page gives it, what its presets hold and what the address of the page carries.

/** Significant digits that a number keeps in the address. */
const DIGITS = 4;

/** A number from min to max. `log` spreads a slider evenly over the orders of magnitude. */
export const number = ({ label, min, max, step, value, log = false, show = plain }) => ({
  kind: "number", label, min, max, step, value, log, show,
  read(text) {
    const found = Number(text);
    return text === "" || !Number.isFinite(found) ? undefined : Math.min(max, Math.max(min, found));
  },
  write: (found) => String(Number(found.toPrecision(DIGITS))),
});

/** One of several names: options is a list of [name, label]. */
export const choice = ({ label, options, value }) => ({
  kind: "choice", label, options, value,
  read: (text) => (options.some(([name]) => name === text) ? text : undefined),
  write: (found) => found,
});

/** Any of several names, as an array in the order of `options`. */
export const subset = ({ label, options, value }) => ({
  kind: "subset", label, options, value,
  read(text) {
    const wanted = text.split(".");
    return options.map(([name]) => name).filter((name) => wanted.includes(name));
  },
  write: (found) => found.join("."),
});

/** A point of the plane; null means "the figure's own". The figure keeps it on its map. */
export const point = ({ label, value }) => ({
  kind: "point", label, value,
  read(text) {
    const found = text.split(",").map((part) => (part.trim() ? Number(part) : NaN));
    return found.length === 2 && found.every(Number.isFinite) ? found : undefined;
  },
  write: (found) => found.map((x) => Number(x.toPrecision(DIGITS))).join(","),
});

/** The settings in `text` on top of `base`. What is unknown or cannot be read is left out: an address is typed by hand. */
export function parse(parameters, text, base) {
  const settings = { ...base };
  for (const [name, value] of new URLSearchParams(text)) {
    const read = parameters[name]?.read(value);
    if (read !== undefined) settings[name] = read;
  }
  return settings;
}

/** The text form of what differs from `base`. */
export function format(parameters, settings, base) {
  const write = (from, name) => (from[name] == null ? "" : parameters[name].write(from[name]));
  return Object.keys(parameters)
    .filter((name) => write(settings, name) !== write(base, name))
    .map((name) => `${name}=${write(settings, name)}`)
    .join("&");
}

/** The values that the parameters themselves start with. */
export const defaults = (parameters) =>
  Object.fromEntries(Object.entries(parameters).map(([name, { value }]) => [name, value]));

/** A number for reading: three significant digits, a real minus sign, powers of ten where they are needed. */
export function plain(x) {
  if (Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e5 || size < 1e-3) {
    const [digits, power] = x.toExponential(1).split("e");
    return `${digits}·10${superscript(Number(power))}`.replace("-", "−");
  }
  return String(Number(x.toPrecision(3))).replace("-", "−");
}

const superscript = (n) => String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

/** 10 to a whole power, for the ticks of a logarithmic axis. */
export const powerOfTen = (x) => `10${superscript(Math.round(Math.log10(x)))}`;
