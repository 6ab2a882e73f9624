// Landscapes over the plane: height and slope at [x, y], the part of the plane to show, where to start, the lowest point,
// how the levels are spread (`power`), and how noisy a gradient from few examples is (`noise`, 0.5 where none is given).

/** The point of a landscape's map that is nearest to [x, y]. */
export const onMap = ({ box }, point) => box.map(([low, high], k) => Math.min(high, Math.max(low, point[k])));

/** Three hollows of different depth in a shallow bowl. */
const HOLLOWS = [[-1.5, 1.2, 1.0], [1.6, 1.0, 0.7], [0.3, -1.6, 0.85]];
const WIDTH = 1.28;

export const LANDSCAPES = {
  valley: {
    label: "a winding valley",
    f: ([x, y]) => 0.03 * x * x + (y - 0.7 * Math.sin(x)) ** 2,
    gradient([x, y]) {
      const off = 2 * (y - 0.7 * Math.sin(x));
      return [0.06 * x - 0.7 * off * Math.cos(x), off];
    },
    box: [[-5.3, 2.7], [-2.1, 2.3]], start: [-4.2, 1.3], lowest: [0, 0], power: 3,
  },
  ravine: {
    label: "a ravine along an axis",
    f: ([x, y]) => 0.5 * (x * x + 50 * y * y),
    gradient: ([x, y]) => [x, 50 * y],
    box: [[-3.2, 2], [-1.4, 1.4]], start: [-2.8, 0.8], lowest: [0, 0], power: 2.5,
  },
  turned: {
    label: "the same ravine, turned by 45°",
    f([x, y]) {
      const along = (x + y) / Math.SQRT2;
      const across = (y - x) / Math.SQRT2;
      return 0.5 * (along * along + 50 * across * across);
    },
    gradient([x, y]) {
      const along = (x + y) / Math.SQRT2;
      const across = (50 * (y - x)) / Math.SQRT2;
      return [(along - across) / Math.SQRT2, (along + across) / Math.SQRT2];
    },
    box: [[-3.3, 1.7], [-3, 1.7]], start: [-2.5455844, -1.4142136], lowest: [0, 0], power: 2.5,
  },
  rosenbrock: {
    label: "Rosenbrock's curved valley",
    f: ([x, y]) => (1 - x) ** 2 + 100 * (y - x * x) ** 2,
    gradient: ([x, y]) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)],
    box: [[-2, 2], [-1, 3]], start: [-1.2, 1], lowest: [1, 1], power: 5,
  },
  saddle: {
    label: "a saddle",
    f: ([x, y]) => 0.5 * x * x - 0.5 * y * y + 0.125 * y ** 4,
    gradient: ([x, y]) => [x, -y + 0.5 * y ** 3],
    box: [[-3, 3], [-2.4, 2.4]], start: [-2.5, 0.00001], lowest: [0, Math.SQRT2], power: 1.5,
  },
  plateau: {
    label: "a plateau",
    f: ([x, y]) => 1 - Math.exp(-(x * x + y * y) / 2),
    gradient([x, y]) {
      const e = Math.exp(-(x * x + y * y) / 2);
      return [x * e, y * e];
    },
    box: [[-4, 2], [-2.4, 2.4]], start: [-3, 1.2], lowest: [0, 0], power: 1, noise: 0.2,
  },
  hollows: {
    label: "three hollows",
    f: ([x, y]) => HOLLOWS.reduce(
      (sum, [a, b, depth]) => sum - depth * Math.exp(-((x - a) ** 2 + (y - b) ** 2) / WIDTH), 1 + 0.05 * (x * x + y * y)),
    gradient: ([x, y]) => HOLLOWS.reduce(([gx, gy], [a, b, depth]) => {
      const pull = (2 / WIDTH) * depth * Math.exp(-((x - a) ** 2 + (y - b) ** 2) / WIDTH);
      return [gx + pull * (x - a), gy + pull * (y - b)];
    }, [0.1 * x, 0.1 * y]),
    box: [[-3.6, 3.6], [-2.7, 2.7]], start: [0, 0.45], lowest: [-1.4067176906, 1.1263162165], power: 1.3, noise: 0.2,
  },
};

/** [name, label] of each, to choose from. */
export const NAMES = Object.entries(LANDSCAPES).map(([name, { label }]) => [name, label]);
