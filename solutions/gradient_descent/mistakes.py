"""Known answers to the exercise on gradient descent: wrong ones with what to say about them, and correct variations."""

import numpy as np

from autograder.bank import Bank

bank = Bank("gradient_descent")


# 1 · mean_squared_error


@bank.mistake(
    "mse-sum-for-mean",
    says="Your loss and gradient add up over the examples; the mean divides by their number, so that a rate that suits "
    "a hundred examples also suits a thousand.",
    fails=["mean_squared_error_visible", "mean_squared_error_hidden"],
)
def mean_squared_error(w, X, y):
    residual = X @ w - y
    return np.sum(residual**2), 2 * X.T @ residual


@bank.mistake(
    "mse-gradient-lost-two",
    says="Your gradient is half as large as it should be: the derivative of a square brings down a 2, and this loss "
    "has no 1/2 to cancel it.",
    fails=["mean_squared_error_visible", "mean_squared_error_hidden"],
    reference="Common where a text defines the loss with 1/(2N), as Ng's machine learning course does.",
)
def mean_squared_error(w, X, y):
    residual = X @ w - y
    return np.mean(residual**2), X.T @ residual / len(y)


@bank.mistake(
    "mse-half-loss",
    says="Your loss carries an extra factor 1/2, and your gradient follows it; here the loss is the plain mean of the "
    "squares.",
    fails=["mean_squared_error_visible", "mean_squared_error_hidden"],
    reference="Ng's machine learning course defines the loss with 1/(2N).",
)
def mean_squared_error(w, X, y):
    residual = X @ w - y
    return np.mean(residual**2) / 2, X.T @ residual / len(y)


@bank.mistake(
    "mse-gradient-sign",
    says="Your gradient points downhill: its sign is exchanged, as happens when the error is taken as target minus "
    "prediction.",
    fails=["mean_squared_error_visible", "mean_squared_error_hidden"],
)
def mean_squared_error(w, X, y):
    residual = y - X @ w
    return np.mean(residual**2), 2 * X.T @ residual / len(y)


@bank.mistake(
    "mse-divides-by-weights",
    says="You divide by the number of weights; the mean is over the examples, of which there is one in each row of X.",
    fails=["mean_squared_error_visible", "mean_squared_error_hidden"],
)
def mean_squared_error(w, X, y):
    residual = X @ w - y
    return np.sum(residual**2) / len(w), 2 * X.T @ residual / len(w)


@bank.mistake(
    "mse-gradient-not-averaged",
    says="Your loss is a mean but your gradient is a sum: the 1/N is missing from the gradient.",
    fails=["mean_squared_error_visible", "mean_squared_error_hidden"],
)
def mean_squared_error(w, X, y):
    residual = X @ w - y
    return np.mean(residual**2), 2 * X.T @ residual


@bank.mistake(
    "mse-root",
    says="Your loss is the root of the mean squared error; the mean squared error itself is asked for.",
    fails=["mean_squared_error_visible", "mean_squared_error_hidden"],
)
def mean_squared_error(w, X, y):
    residual = X @ w - y
    return np.sqrt(np.mean(residual**2)), 2 * X.T @ residual / len(y)


@bank.mistake(
    "mse-overwrites-targets",
    says="Your values are right, but you work out the errors inside the caller's array y, so the targets are lost for "
    "the next step.",
    fails=["mean_squared_error_hidden"],
)
def mean_squared_error(w, X, y):
    y -= X @ w
    return np.mean(y**2), -2 / len(y) * (X.T @ y)


@bank.variation("mse-loops")
def mean_squared_error(w, X, y):
    loss, grad = 0.0, [0.0] * len(w)
    for row, target in zip(X, y, strict=True):
        error = sum(a * b for a, b in zip(row, w, strict=True)) - target
        loss += error**2 / len(X)
        for j, value in enumerate(row):
            grad[j] += 2 * error * value / len(X)
    return loss, np.array(grad)


@bank.variation("mse-normal-equations")
def mean_squared_error(w, X, y):
    n = X.shape[0]
    grad = 2 / n * (X.T @ X @ w - X.T @ y)
    return float((X @ w - y) @ (X @ w - y)) / n, grad


@bank.variation("mse-mean-of-rows")
def mean_squared_error(w, X, y):
    error = np.einsum("ij,j->i", X, w) - y
    return np.average(np.square(error)), np.mean(2 * error[:, None] * X, axis=0)


# 2 · gradient_descent


@bank.mistake(
    "gd-climbs",
    says="Your step goes along the gradient, which is uphill; descent goes against it.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        history.append(history[-1] + lr * grad(history[-1]))
    return np.array(history)


@bank.mistake(
    "gd-aliased-history",
    says="Your history holds the same array many times: an in-place update changes every row that was stored before. "
    "Store a copy of each point.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    w = np.array(w0, dtype=float)
    history = [w]
    for _ in range(steps):
        w -= lr * grad(w)
        history.append(w)
    return np.array(history)


@bank.mistake(
    "gd-one-short",
    says="Your history leaves out the starting point; steps steps visit steps + 1 points, the start included.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    w, history = np.array(w0, dtype=float), []
    for _ in range(steps):
        w = w - lr * grad(w)
        history.append(w)
    return np.array(history)


@bank.mistake(
    "gd-last-point-missing",
    says="Your history stores each point before its step and never the last one; steps steps visit steps + 1 points.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    w, history = np.array(w0, dtype=float), []
    for _ in range(steps):
        history.append(w)
        w = w - lr * grad(w)
    return np.array(history)


@bank.mistake(
    "gd-coordinates-one-by-one",
    says="You move one coordinate after the other and ask for the gradient in between; in gradient descent all "
    "coordinates use the gradient at the same point.",
    fails=["gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    w = np.array(w0, dtype=float)
    history = [w.copy()]
    for _ in range(steps):
        for i in range(len(w)):
            w[i] = w[i] - lr * grad(w.copy())[i]
        history.append(w.copy())
    return np.array(history)


@bank.mistake(
    "gd-stale-gradient",
    says="You ask for the gradient once, at the start, and use it for every step; it has to be taken at each new "
    "point.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    g = grad(w0)
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        history.append(history[-1] - lr * g)
    return np.array(history)


@bank.mistake(
    "gd-whole-numbers",
    says="Your history has the number type of w0, so a start of whole numbers rounds every later point towards zero; "
    "it has to hold floats.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    history = np.zeros((steps + 1, len(w0)), dtype=w0.dtype)
    history[0] = w0
    for t in range(steps):
        history[t + 1] = history[t] - lr * grad(history[t])
    return history


@bank.mistake(
    "gd-moves-the-start",
    says="You use the caller's w0 as the moving point, so it is changed in place; start from a copy of floats.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    w = w0
    history = [w.copy()]
    for _ in range(steps):
        w -= lr * grad(w)
        history.append(w.copy())
    return np.array(history)


@bank.mistake(
    "gd-only-the-end",
    says="You return the last point alone; every point of the path is asked for, one in each row.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    w = np.array(w0, dtype=float)
    for _ in range(steps):
        w = w - lr * grad(w)
    return w


@bank.mistake(
    "gd-normalised-steps",
    says="Your steps all have the length lr, since you divide the gradient by its length; a step is lr times the "
    "gradient, long where it is steep.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        g = grad(history[-1])
        history.append(history[-1] - lr * g / (np.linalg.norm(g) + 1e-12))
    return np.array(history)


@bank.mistake(
    "gd-forgets-lr",
    says="You subtract the gradient itself; a step is lr times the gradient.",
    fails=["gradient_descent_visible", "gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        history.append(history[-1] - grad(history[-1]))
    return np.array(history)


@bank.mistake(
    "gd-stops-early",
    says="You stop as soon as the gradient is small, so the history has fewer rows than promised; take all the steps.",
    fails=["gradient_descent_hidden"],
)
def gradient_descent(grad, w0, lr, steps):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        g = grad(history[-1])
        if np.linalg.norm(g) < 1e-8:
            break
        history.append(history[-1] - lr * g)
    return np.array(history)


@bank.variation("gd-list-of-new-points")
def gradient_descent(grad, w0, lr, steps):
    history = [np.asarray(w0, dtype=float).copy()]
    while len(history) <= steps:
        history.append(history[-1] - lr * np.asarray(grad(history[-1])))
    return np.stack(history)


@bank.variation("gd-in-place-with-copies")
def gradient_descent(grad, w0, lr, steps):
    w = w0.astype(float)
    history = np.zeros((steps + 1, w.size))
    for t in range(steps + 1):
        history[t] = w
        if t < steps:
            w -= lr * grad(w.copy())
    return history


# 3 · max_stable_lr


@bank.mistake(
    "border-one-over-largest",
    says="You return 1/L. That is the rate that kills the steepest direction in one step; the border lies at twice "
    "that.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues):
    if np.min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return 1 / np.max(eigenvalues)


@bank.mistake(
    "border-from-the-flattest",
    says="You take the smallest eigenvalue; the steepest direction is the first to diverge, so the largest decides.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues):
    if np.min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return 2 / np.min(eigenvalues)


@bank.mistake(
    "border-trusts-the-order",
    says="You take the last eigenvalue for the largest; they come in any order.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues):
    if min(eigenvalues) <= 0:
        raise ValueError("not a bowl")
    return 2 / eigenvalues[-1]


@bank.mistake(
    "border-no-check",
    says="Your function also answers where an eigenvalue is not above 0, so that a direction leads down or is flat; a "
    "ValueError is promised there.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues):
    return 2 / np.max(eigenvalues)


@bank.mistake(
    "border-zero-allowed",
    says="Your check lets an eigenvalue of exactly 0 through; all have to be above 0.",
    fails=["max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues):
    if np.any(eigenvalues < 0):
        raise ValueError("not a bowl")
    return 2 / np.max(eigenvalues)


@bank.mistake(
    "border-sorts-in-place",
    says="Your numbers are right, but you sort the caller's array in place; sort a copy or take the maximum.",
    fails=["max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues):
    eigenvalues.sort()
    if eigenvalues[0] <= 0:
        raise ValueError("not a bowl")
    return 2 / eigenvalues[-1]


@bank.mistake(
    "border-absolute-values",
    says="You take the eigenvalues' absolute values, so a saddle looks like a bowl; where one is not above 0, a "
    "ValueError is promised.",
    fails=["max_stable_lr_visible", "max_stable_lr_hidden"],
)
def max_stable_lr(eigenvalues):
    largest = np.max(np.abs(eigenvalues))
    if largest == 0:
        raise ValueError("not a bowl")
    return 2 / largest


@bank.variation("border-smallest-of-all-borders")
def max_stable_lr(eigenvalues):
    borders = []
    for value in eigenvalues:
        if value <= 0:
            raise ValueError(f"eigenvalue {value} is not above 0")
        borders.append(2.0 / value)
    return min(borders)


@bank.variation("border-float32")
def max_stable_lr(eigenvalues):
    values = np.sort(np.asarray(eigenvalues, dtype=np.float32))
    if values[0] <= 0:
        raise ValueError("all eigenvalues must be above 0")
    return np.float32(2) / values[-1]


# 4 · best_fixed_lr


@bank.mistake(
    "best-lr-is-the-border",
    says="You return 2/L, the border of stability; there the steepest direction no longer shrinks at all.",
    fails=["best_fixed_lr_visible", "best_fixed_lr_hidden"],
)
def best_fixed_lr(eigenvalues):
    return 2 / np.max(eigenvalues)


@bank.mistake(
    "best-lr-lost-two",
    says="You return 1/(mu + L), half of the best rate: the numerator is 2.",
    fails=["best_fixed_lr_visible", "best_fixed_lr_hidden"],
)
def best_fixed_lr(eigenvalues):
    return 1 / (np.min(eigenvalues) + np.max(eigenvalues))


@bank.mistake(
    "best-lr-one-over-largest",
    says="You return 1/L, the usual cautious choice; the best rate is larger, since the steepest direction can bear a "
    "little swinging.",
    fails=["best_fixed_lr_visible", "best_fixed_lr_hidden"],
)
def best_fixed_lr(eigenvalues):
    return 1 / np.max(eigenvalues)


@bank.mistake(
    "best-lr-trusts-the-order",
    says="You take the first and the last eigenvalue for the smallest and the largest; they come in any order.",
    fails=["best_fixed_lr_visible", "best_fixed_lr_hidden"],
)
def best_fixed_lr(eigenvalues):
    return 2 / (eigenvalues[0] + eigenvalues[-1])


@bank.mistake(
    "best-lr-sum-of-all",
    says="You divide by the sum of all eigenvalues; only the smallest and the largest count.",
    fails=["best_fixed_lr_visible", "best_fixed_lr_hidden"],
)
def best_fixed_lr(eigenvalues):
    return 2 / np.sum(eigenvalues)


@bank.mistake(
    "best-lr-mean-curvature",
    says="You divide by the mean eigenvalue; the compromise is between the two extremes, whatever lies in between.",
    fails=["best_fixed_lr_visible", "best_fixed_lr_hidden"],
)
def best_fixed_lr(eigenvalues):
    return 1 / np.mean(eigenvalues)


@bank.mistake(
    "best-lr-sorts-in-place",
    says="Your numbers are right, but you sort the caller's array in place; sort a copy, or take minimum and maximum.",
    fails=["best_fixed_lr_hidden"],
)
def best_fixed_lr(eigenvalues):
    eigenvalues.sort()
    return 2 / (eigenvalues[0] + eigenvalues[-1])


@bank.variation("best-lr-one-over-the-middle")
def best_fixed_lr(eigenvalues):
    middle = (max(eigenvalues) + min(eigenvalues)) / 2
    return 1 / middle


@bank.variation("best-lr-sorted-copy")
def best_fixed_lr(eigenvalues):
    ordered = sorted(eigenvalues)
    return 2.0 / (ordered[-1] * (1 + ordered[0] / ordered[-1]))


# 5 · predicted_rate


@bank.mistake(
    "rate-without-absolute-value",
    says="You compare the factors with their signs; a factor of -0.8 shrinks more slowly than one of 0.55, so sizes "
    "count.",
    fails=["predicted_rate_visible", "predicted_rate_hidden"],
)
def predicted_rate(eigenvalues, lr):
    return np.max(1 - lr * eigenvalues)


@bank.mistake(
    "rate-of-the-loss",
    says="You return the rate of the loss, which is the square; the rate of the distance is asked for.",
    fails=["predicted_rate_visible", "predicted_rate_hidden"],
)
def predicted_rate(eigenvalues, lr):
    return np.max((1 - lr * eigenvalues) ** 2)


@bank.mistake(
    "rate-of-the-fastest",
    says="You return the smallest factor; in the long run the direction with the largest factor is what is left.",
    fails=["predicted_rate_visible", "predicted_rate_hidden"],
)
def predicted_rate(eigenvalues, lr):
    return np.min(np.abs(1 - lr * eigenvalues))


@bank.mistake(
    "rate-of-the-flattest-only",
    says="You look at the smallest eigenvalue only; with a large rate the steepest direction is the slowest.",
    fails=["predicted_rate_visible", "predicted_rate_hidden"],
)
def predicted_rate(eigenvalues, lr):
    return abs(1 - lr * np.min(eigenvalues))


@bank.mistake(
    "rate-of-the-steepest-only",
    says="You look at the largest eigenvalue only; with a small rate the flattest direction is the slowest.",
    fails=["predicted_rate_visible", "predicted_rate_hidden"],
)
def predicted_rate(eigenvalues, lr):
    return abs(1 - lr * np.max(eigenvalues))


@bank.mistake(
    "rate-ignores-lr",
    says="You return (kappa - 1)/(kappa + 1), which holds for the best fixed rate only; the rate that was asked about "
    "is lr.",
    fails=["predicted_rate_visible", "predicted_rate_hidden"],
)
def predicted_rate(eigenvalues, lr):
    kappa = np.max(eigenvalues) / np.min(eigenvalues)
    return (kappa - 1) / (kappa + 1)


@bank.mistake(
    "rate-of-absolute-eigenvalues",
    says="You take the eigenvalues' absolute values; a negative one belongs to a direction that grows, with a factor "
    "above 1.",
    fails=["predicted_rate_hidden"],
)
def predicted_rate(eigenvalues, lr):
    return np.max(np.abs(1 - lr * np.abs(eigenvalues)))


@bank.mistake(
    "rate-capped-at-one",
    says="You never return more than 1; beyond the border of stability the distance grows, and the factor says so.",
    fails=["predicted_rate_hidden"],
)
def predicted_rate(eigenvalues, lr):
    return min(1.0, np.max(np.abs(1 - lr * eigenvalues)))


@bank.variation("rate-loop")
def predicted_rate(eigenvalues, lr):
    rate = 0.0
    for value in eigenvalues:
        rate = max(rate, abs(1.0 - lr * value))
    return rate


@bank.variation("rate-of-both-ends")
def predicted_rate(eigenvalues, lr):
    return max(abs(lr * np.min(eigenvalues) - 1), abs(lr * np.max(eigenvalues) - 1))


@bank.variation("rate-as-a-norm")
def predicted_rate(eigenvalues, lr):
    return np.linalg.norm(1 - lr * eigenvalues, ord=np.inf)


# 6 · measured_rate


@bank.mistake(
    "measured-without-minimum",
    says="You measure lengths from the origin; distances are taken from the minimum.",
    fails=["measured_rate_visible", "measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    return (np.linalg.norm(history[-1]) / np.linalg.norm(history[-1 - last])) ** (1 / last)


@bank.mistake(
    "measured-one-row-late",
    says="You start one row too late, so there is one step fewer between your two rows than the root assumes.",
    fails=["measured_rate_visible", "measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    distances = np.linalg.norm(history - minimum, axis=1)
    return (distances[-1] / distances[-last]) ** (1 / last)


@bank.mistake(
    "measured-without-root",
    says="You return the fall over all the steps together; the factor of one step is its root.",
    fails=["measured_rate_visible", "measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    distances = np.linalg.norm(history - minimum, axis=1)
    return distances[-1] / distances[-1 - last]


@bank.mistake(
    "measured-arithmetic-mean",
    says="You average the factors of the single steps; factors multiply, so their mean is the geometric one.",
    fails=["measured_rate_visible", "measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    distances = np.linalg.norm(history - minimum, axis=1)[-1 - last :]
    return np.mean(distances[1:] / distances[:-1])


@bank.mistake(
    "measured-squared-distances",
    says="You compare squared distances, which gives the rate of the loss; the rate of the distance is its root.",
    fails=["measured_rate_visible", "measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    squared = np.sum((history - minimum) ** 2, axis=1)
    return (squared[-1] / squared[-1 - last]) ** (1 / last)


@bank.mistake(
    "measured-over-the-whole-run",
    says="You measure from the first row, where every direction still counts; only the last steps are asked for.",
    fails=["measured_rate_visible", "measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    distances = np.linalg.norm(history - minimum, axis=1)
    return (distances[-1] / distances[0]) ** (1 / (len(history) - 1))


@bank.mistake(
    "measured-root-of-the-whole-run",
    says="You compare the right rows but take the root for the length of the whole run; only `last` steps lie between "
    "them.",
    fails=["measured_rate_visible", "measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    distances = np.linalg.norm(history - minimum, axis=1)
    return (distances[-1] / distances[-1 - last]) ** (1 / (len(history) - 1))


@bank.mistake(
    "measured-upside-down",
    says="Your fraction stands upside down: a run that comes nearer has to give a number below 1.",
    fails=["measured_rate_visible", "measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    distances = np.linalg.norm(history - minimum, axis=1)
    return (distances[-1 - last] / distances[-1]) ** (1 / last)


@bank.mistake(
    "measured-no-check",
    says="Your rates are right, but a ValueError is promised where the run is shorter than `last`, or `last` is below "
    "1.",
    fails=["measured_rate_visible", "measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    distances = np.linalg.norm(history - minimum, axis=1)
    return (distances[-1] / distances[-1 - last]) ** (1 / last)


@bank.mistake(
    "measured-largest-coordinate",
    says="Your distance is the largest coordinate of the difference; the Euclidean length is asked for.",
    fails=["measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    distances = np.max(np.abs(history - minimum), axis=1)
    return (distances[-1] / distances[-1 - last]) ** (1 / last)


@bank.mistake(
    "measured-shifts-the-run",
    says="Your rates are right, but you subtract the minimum inside the caller's history; work on a copy.",
    fails=["measured_rate_hidden"],
)
def measured_rate(history, minimum, last):
    if not 1 <= last < len(history):
        raise ValueError("last out of range")
    history -= minimum
    return (np.linalg.norm(history[-1]) / np.linalg.norm(history[-1 - last])) ** (1 / last)


@bank.variation("measured-product-of-factors")
def measured_rate(history, minimum, last):
    if last < 1 or last > len(history) - 1:
        raise ValueError("not enough steps")
    distances = [float(np.sqrt(np.sum((np.asarray(w) - minimum) ** 2))) for w in history]
    product = 1.0
    for t in range(len(distances) - last, len(distances)):
        product *= (distances[t] / distances[t - 1]) ** (1.0 / last)
    return product


@bank.variation("measured-roots-before-the-ratio")
def measured_rate(history, minimum, last):
    steps = history.shape[0] - 1
    if last not in range(1, steps + 1):
        raise ValueError(f"a run of {steps} steps cannot be measured over {last}")
    near = np.linalg.norm(history[steps] - minimum) ** (1 / last)
    return near / np.linalg.norm(history[steps - last] - minimum) ** (1 / last)


# 7 · backtracking_line_search


@bank.mistake(
    "armijo-never-shrinks",
    says="You return the first rate without testing it; it has to shrink until the condition holds.",
    fails=["backtracking_line_search_visible", "backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    return lr


@bank.mistake(
    "armijo-sign",
    says="Your condition allows the loss to rise: the share of the promised fall is subtracted from f(w), not added.",
    fails=["backtracking_line_search_visible", "backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    while not f(w - lr * grad_w) <= f(w) + c * lr * grad_w @ grad_w:
        lr *= shrink
    return lr


@bank.mistake(
    "armijo-any-fall",
    says="You accept any fall of the loss; the condition asks for the share c of what the slope promises.",
    fails=["backtracking_line_search_visible", "backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    if not np.any(grad_w):
        return lr
    while not f(w - lr * grad_w) < f(w):
        lr *= shrink
    return lr


@bank.mistake(
    "armijo-length-not-squared",
    says="The fall that the slope promises is lr times the squared length of the gradient; you left out the square.",
    fails=["backtracking_line_search_visible", "backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    while not f(w - lr * grad_w) <= f(w) - c * lr * np.linalg.norm(grad_w):
        lr *= shrink
    return lr


@bank.mistake(
    "armijo-promise-without-lr",
    says="The promised fall belongs to the step that is tried, so it contains the current rate; yours stays the same "
    "while the rate shrinks.",
    fails=["backtracking_line_search_visible", "backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    enough = f(w) - c * np.sum(grad_w**2)
    while not f(w - lr * grad_w) <= enough:
        lr *= shrink
        if lr < 1e-30:
            break
    return lr


@bank.mistake(
    "armijo-tests-the-first-point",
    says="You shrink the rate but go on comparing the loss of the first step you tried; ask f again at each new rate.",
    fails=["backtracking_line_search_visible", "backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    new = f(w - lr * grad_w)
    while lr > 1e-30 and not new <= f(w) - c * lr * np.sum(grad_w**2):
        lr *= shrink
    return lr


@bank.mistake(
    "armijo-uphill",
    says="You try steps along the gradient, which go uphill; the tried point is w minus lr times the gradient.",
    fails=["backtracking_line_search_visible", "backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    while not f(w + lr * grad_w) <= f(w) - c * lr * np.sum(grad_w**2):
        lr *= shrink
    return lr


@bank.mistake(
    "armijo-once-too-often",
    says="You shrink once more after the condition holds; the first rate that meets it is the answer.",
    fails=["backtracking_line_search_visible", "backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    while True:
        good = f(w - lr * grad_w) <= f(w) - c * lr * np.sum(grad_w**2)
        lr *= shrink
        if good:
            return lr


@bank.mistake(
    "armijo-always-halves",
    says="You halve the rate whatever `shrink` says; multiply by the caller's number.",
    fails=["backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    while not f(w - lr * grad_w) <= f(w) - c * lr * np.sum(grad_w**2):
        lr /= 2
    return lr


@bank.mistake(
    "armijo-accepts-nan",
    says="You accept a step to nan: every comparison with nan is false, so a loop that goes on while the step is bad "
    "stops there. Ask whether the step is good.",
    fails=["backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    while f(w - lr * grad_w) > f(w) - c * lr * np.sum(grad_w**2):
        lr *= shrink
    return lr


@bank.mistake(
    "armijo-strict",
    says="You ask for strictly less, so at a point without slope no step is ever good and the search has no end.",
    fails=["backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    while not f(w - lr * grad_w) < f(w) - c * lr * np.sum(grad_w**2):
        lr *= shrink
    return lr


@bank.mistake(
    "armijo-moves-w",
    says="Your rate is right, but you move the caller's w in place; try the steps on a new array.",
    fails=["backtracking_line_search_hidden"],
)
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    start, here = w.copy(), f(w)
    while True:
        w[:] = start - lr * grad_w
        if f(w) <= here - c * lr * np.sum(grad_w**2):
            return lr
        lr *= shrink


@bank.variation("armijo-powers")
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    here, k = f(w), 0
    while True:
        rate = lr * shrink**k
        if here - f(w - rate * grad_w) >= c * rate * float(np.dot(grad_w, grad_w)):
            return rate
        k += 1


@bank.variation("armijo-change-of-the-loss")
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    start, squared = f(w), sum(slope * slope for slope in grad_w)
    while True:
        change = f(w - lr * grad_w) - start
        if np.isfinite(change) and change <= -(c * (lr * squared)):
            return lr
        lr = lr * shrink


@bank.variation("armijo-recursive")
def backtracking_line_search(f, w, grad_w, lr=1.0, shrink=0.5, c=1e-4):
    new = f(w - lr * grad_w)
    if np.isfinite(new) and new <= f(w) - c * lr * np.linalg.norm(grad_w) ** 2:
        return lr
    return backtracking_line_search(f, w, grad_w, shrink * lr, shrink, c)


# 8 · newton_step


@bank.mistake(
    "newton-wrong-way",
    says="You add the solution of the equations; the step subtracts it.",
    fails=["newton_step_visible", "newton_step_hidden"],
)
def newton_step(w, grad_w, hessian_w):
    return w + np.linalg.solve(hessian_w, grad_w)


@bank.mistake(
    "newton-step-without-w",
    says="You return the step alone; the point that it leads to is asked for.",
    fails=["newton_step_visible", "newton_step_hidden"],
)
def newton_step(w, grad_w, hessian_w):
    return np.linalg.solve(hessian_w, grad_w)


@bank.mistake(
    "newton-diagonal-only",
    says="You divide by the diagonal of the Hessian; the entries off the diagonal belong to the equations too.",
    fails=["newton_step_visible", "newton_step_hidden"],
)
def newton_step(w, grad_w, hessian_w):
    return w - grad_w / np.diag(hessian_w)


@bank.mistake(
    "newton-multiplies",
    says="You multiply the gradient by the Hessian; the step solves a system in which the Hessian multiplies the step.",
    fails=["newton_step_visible", "newton_step_hidden"],
)
def newton_step(w, grad_w, hessian_w):
    return w - hessian_w @ grad_w


@bank.mistake(
    "newton-inverts",
    says="You invert the Hessian. Where its eigenvalues differ by many orders of magnitude, the step then misses its "
    "own equations; solve the system instead.",
    fails=["newton_step_hidden"],
    reference="Higham, Accuracy and Stability of Numerical Algorithms (2002), section 14.1.",
)
def newton_step(w, grad_w, hessian_w):
    return w - np.linalg.inv(hessian_w) @ grad_w


@bank.mistake(
    "newton-hides-singular",
    says="You return a least-squares step where the Hessian is singular and the equations have no solution; an error "
    "is promised.",
    fails=["newton_step_hidden"],
)
def newton_step(w, grad_w, hessian_w):
    return w - np.linalg.lstsq(hessian_w, grad_w, rcond=0)[0]


@bank.mistake(
    "newton-flips-curvature",
    says="You make the eigenvalues positive. That is a useful method for leaving saddles, but not Newton's: its step "
    "goes to the stationary point, whatever kind it is.",
    fails=["newton_step_hidden"],
    reference="Dauphin and others, Identifying and attacking the saddle point problem (2014), where it is meant.",
)
def newton_step(w, grad_w, hessian_w):
    values, vectors = np.linalg.eigh(hessian_w)
    return w - vectors @ ((vectors.T @ grad_w) / np.abs(values))


@bank.mistake(
    "newton-moves-w",
    says="Your point is right, but you move the caller's w in place; return a new array.",
    fails=["newton_step_hidden"],
)
def newton_step(w, grad_w, hessian_w):
    w -= np.linalg.solve(hessian_w, grad_w)
    return w


@bank.variation("newton-columns")
def newton_step(w, grad_w, hessian_w):
    return (w[:, None] - np.linalg.solve(hessian_w, grad_w[:, None]))[:, 0]


@bank.variation("newton-elimination")
def newton_step(w, grad_w, hessian_w):
    table = np.column_stack([hessian_w, grad_w]).astype(float)
    d = len(w)
    for k in range(d):
        pivot = k + np.argmax(np.abs(table[k:, k]))
        if table[pivot, k] == 0:
            raise np.linalg.LinAlgError("singular Hessian")
        table[[k, pivot]] = table[[pivot, k]]
        for i in range(k + 1, d):
            table[i] -= table[i, k] / table[k, k] * table[k]
    step = np.zeros(d)
    for k in reversed(range(d)):
        step[k] = (table[k, d] - table[k, k + 1 : d] @ step[k + 1 :]) / table[k, k]
    return w - step


# 9 · hessian_vector_product


@bank.mistake(
    "hvp-one-sided",
    says="You take the difference between one side and w itself; the gradients on both sides of w cancel the leading "
    "error.",
    fails=["hessian_vector_product_visible", "hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    length = np.linalg.norm(v)
    if length == 0:
        return np.zeros(len(v))
    return (grad(w + eps * v / length) - grad(w)) / eps * length


@bank.mistake(
    "hvp-lost-half",
    says="Your product is twice too large: the two gradients are taken 2*eps apart.",
    fails=["hessian_vector_product_visible", "hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    length = np.linalg.norm(v)
    if length == 0:
        return np.zeros(len(v))
    return (grad(w + eps * v / length) - grad(w - eps * v / length)) / eps * length


@bank.mistake(
    "hvp-brackets",
    says="You divide by 2 and then multiply by eps; 2*eps has to stand in brackets.",
    fails=["hessian_vector_product_visible", "hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    length = np.linalg.norm(v)
    if length == 0:
        return np.zeros(len(v))
    return length * (grad(w + eps * v / length) - grad(w - eps * v / length)) / 2 * eps


@bank.mistake(
    "hvp-step-as-long-as-v",
    says="Your step is eps times v, so a long v leaves the neighbourhood and a tiny v drowns in rounding; bring the "
    "direction to length 1 first.",
    fails=["hessian_vector_product_visible", "hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    return (grad(w + eps * v) - grad(w - eps * v)) / (2 * eps)


@bank.mistake(
    "hvp-not-scaled-back",
    says="You bring v to length 1 and leave it there; the product has to be multiplied by the length of v again.",
    fails=["hessian_vector_product_visible", "hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    length = np.linalg.norm(v)
    if length == 0:
        return np.zeros(len(v))
    return (grad(w + eps * v / length) - grad(w - eps * v / length)) / (2 * eps)


@bank.mistake(
    "hvp-zero-over-zero",
    says="For v = 0 you divide by its length, and the result is nan; the product with a zero vector is zero.",
    fails=["hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    length = np.linalg.norm(v)
    with np.errstate(invalid="ignore"):
        u = v / length
    return length * (grad(w + eps * u) - grad(w - eps * u)) / (2 * eps)


@bank.mistake(
    "hvp-own-eps",
    says="You use a distance of your own and not the caller's eps; a coarse gradient needs a larger one.",
    fails=["hessian_vector_product_visible", "hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    eps = 1e-5
    length = np.linalg.norm(v)
    if length == 0:
        return np.zeros(len(v))
    return length * (grad(w + eps * v / length) - grad(w - eps * v / length)) / (2 * eps)


@bank.mistake(
    "hvp-whole-hessian",
    says="You form the Hessian column by column, which costs two gradients for each weight; the product needs two in "
    "all.",
    fails=["hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    columns = [(grad(w + eps * e) - grad(w - eps * e)) / (2 * eps) for e in np.eye(len(w))]
    return np.transpose(columns) @ v


@bank.mistake(
    "hvp-gradient-times-v",
    says="You multiply the gradient by v; the product is about how the gradient changes along v.",
    fails=["hessian_vector_product_visible", "hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    return grad(w) * v


@bank.mistake(
    "hvp-sign",
    says="Your difference is taken backwards, so the product has the wrong sign: ahead minus behind.",
    fails=["hessian_vector_product_visible", "hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    length = np.linalg.norm(v)
    if length == 0:
        return np.zeros(len(v))
    return length * (grad(w - eps * v / length) - grad(w + eps * v / length)) / (2 * eps)


@bank.mistake(
    "hvp-shortens-v",
    says="Your product is right, but you bring the caller's v to length 1 in place; make a new array for the "
    "direction.",
    fails=["hessian_vector_product_hidden"],
)
def hessian_vector_product(grad, w, v, eps=1e-5):
    length = np.linalg.norm(v)
    if length == 0:
        return np.zeros(len(v))
    v /= length
    return length * (grad(w + eps * v) - grad(w - eps * v)) / (2 * eps)


@bank.variation("hvp-step-scaled-to-v")
def hessian_vector_product(grad, w, v, eps=1e-5):
    length = float(np.sqrt(np.sum(np.square(v))))
    if not length > 0:
        return 0.0 * v
    step = eps / length
    return (grad(w + step * v) / 2 - grad(w - step * v) / 2) / step


@bank.variation("hvp-both-sides-in-a-loop")
def hessian_vector_product(grad, w, v, eps=1e-5):
    product = np.zeros(len(v))
    if not np.any(v):
        return product
    length = np.sum(v * v) ** 0.5
    for side in (1, -1):
        product += side * grad(w + side * eps * (v / length))
    return product / (2 * eps) * length


# 10 · top_hessian_eigenvalue


@bank.mistake(
    "top-lost-sign",
    says="You return the length of Hv, which is the eigenvalue without its sign; the Rayleigh quotient keeps it.",
    fails=["top_hessian_eigenvalue_visible", "top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    v = v0 / np.linalg.norm(v0)
    length = 0.0
    for _ in range(steps):
        Hv = hvp(v)
        length = np.linalg.norm(Hv)
        if length == 0:
            return 0.0
        v = Hv / length
    return length


@bank.mistake(
    "top-never-normalised",
    says="You never bring the vector back to length 1, so it overflows or vanishes when steps are many or eigenvalues "
    "far from 1.",
    fails=["top_hessian_eigenvalue_visible", "top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    v = np.array(v0, dtype=float)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            v = hvp(v)
        if not np.any(v):
            return 0.0
        return (v @ hvp(v)) / (v @ v)


@bank.mistake(
    "top-quotient-of-the-start",
    says="You form the Rayleigh quotient with the vector you started from; the last one is the one that lies along the "
    "top direction.",
    fails=["top_hessian_eigenvalue_visible", "top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    v = v0 / np.linalg.norm(v0)
    for _ in range(steps):
        Hv = hvp(v)
        if not np.any(Hv):
            return 0.0
        v = Hv / np.linalg.norm(Hv)
    start = v0 / np.linalg.norm(v0)
    return start @ hvp(start)


@bank.mistake(
    "top-quotient-not-divided",
    says="You bring the largest entry to 1 and not the length, and then leave out the division by v @ v.",
    fails=["top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    v = v0 / np.max(np.abs(v0))
    for _ in range(steps):
        Hv = hvp(v)
        if not np.any(Hv):
            return 0.0
        v = Hv / np.max(np.abs(Hv))
    return v @ hvp(v)


@bank.mistake(
    "top-own-number-of-steps",
    says="You take ten steps whatever `steps` says; where two eigenvalues are close, that is far too few.",
    fails=["top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    v = v0 / np.linalg.norm(v0)
    for _ in range(10):
        Hv = hvp(v)
        if not np.any(Hv):
            return 0.0
        v = Hv / np.linalg.norm(Hv)
    return v @ hvp(v)


@bank.mistake(
    "top-ratio-of-one-entry",
    says="You read the eigenvalue off one entry of Hv and v, which may be zero in the top direction; the Rayleigh "
    "quotient uses all entries.",
    fails=["top_hessian_eigenvalue_visible", "top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    v = v0 / np.linalg.norm(v0)
    for _ in range(steps):
        Hv = hvp(v)
        if not np.any(Hv):
            return 0.0
        v = Hv / np.linalg.norm(Hv)
    return hvp(v)[0] / v[0]


@bank.mistake(
    "top-nan-where-flat",
    says="Where hvp returns zeros you divide by a length of zero; the eigenvalue of a flat landscape is 0.",
    fails=["top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    v = v0 / np.linalg.norm(v0)
    with np.errstate(invalid="ignore"):
        for _ in range(steps):
            Hv = hvp(v)
            v = Hv / np.linalg.norm(Hv)
    return v @ hvp(v)


@bank.mistake(
    "top-returns-the-vector",
    says="You return the top eigenvector; its eigenvalue, one number, is asked for.",
    fails=["top_hessian_eigenvalue_visible", "top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    v = v0 / np.linalg.norm(v0)
    for _ in range(steps):
        Hv = hvp(v)
        if not np.any(Hv):
            return v
        v = Hv / np.linalg.norm(Hv)
    return v


@bank.mistake(
    "top-largest-not-largest-modulus",
    says="You look for the eigenvalue furthest up and miss a negative one of larger modulus.",
    fails=["top_hessian_eigenvalue_visible", "top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    d = len(v0)
    matrix = np.transpose([hvp(e) for e in np.eye(d)])
    return np.max(np.linalg.eigvalsh(matrix))


@bank.mistake(
    "top-shortens-v0",
    says="Your eigenvalue is right, but you bring the caller's v0 to length 1 in place; make a new array.",
    fails=["top_hessian_eigenvalue_hidden"],
)
def top_hessian_eigenvalue(hvp, v0, steps):
    v0 /= np.linalg.norm(v0)
    v = v0
    for _ in range(steps):
        Hv = hvp(v)
        if not np.any(Hv):
            return 0.0
        v = Hv / np.linalg.norm(Hv)
    return v @ hvp(v)


@bank.variation("top-quotient-kept-on-the-way")
def top_hessian_eigenvalue(hvp, v0, steps):
    v = np.array(v0, dtype=float)
    quotient = 0.0
    for _ in range(steps + 1):
        v = v / np.sqrt(np.sum(v * v))
        Hv = hvp(v)
        quotient = float(np.sum(v * Hv))
        if np.all(Hv == 0):
            break
        v = Hv
    return quotient


@bank.variation("top-largest-entry-and-full-quotient")
def top_hessian_eigenvalue(hvp, v0, steps):
    v = v0 / np.max(np.abs(v0))
    for _ in range(steps):
        Hv = hvp(v)
        biggest = np.max(np.abs(Hv))
        if biggest == 0:
            return 0.0
        v = Hv / biggest
    return np.dot(v, hvp(v)) / np.dot(v, v)


@bank.variation("top-by-eigvalsh")
def top_hessian_eigenvalue(hvp, v0, steps):
    matrix = np.array([hvp(column) for column in np.eye(len(v0))])
    values = np.linalg.eigvalsh((matrix + matrix.T) / 2)
    return values[np.argmax(np.abs(values))]


# 11 · perturbed_gradient_descent


@bank.mistake(
    "push-never",
    says="You never push, so a start on a saddle stays there; push where the gradient is shorter than the threshold.",
    fails=["perturbed_gradient_descent_visible", "perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        history.append(history[-1] - lr * grad(history[-1]))
    return np.array(history)


@bank.mistake(
    "push-always",
    says="You push before every step; a push is only due where the gradient is shorter than the threshold.",
    fails=["perturbed_gradient_descent_visible", "perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        z = rng.standard_normal(len(w0))
        w = history[-1] + radius * z / np.linalg.norm(z)
        history.append(w - lr * grad(w))
    return np.array(history)


@bank.mistake(
    "push-not-normalised",
    says="Your pushes have random lengths: the random direction has to be brought to length 1 before it is multiplied "
    "by the radius.",
    fails=["perturbed_gradient_descent_visible", "perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1]
        if np.linalg.norm(grad(w)) < threshold:
            w = w + radius * rng.standard_normal(len(w0))
        history.append(w - lr * grad(w))
    return np.array(history)


@bank.mistake(
    "push-stale-gradient",
    says="After a push you step with the gradient from before it, which on a saddle is zero; ask for it again at the "
    "moved point.",
    fails=["perturbed_gradient_descent_visible", "perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1]
        g = grad(w)
        if np.linalg.norm(g) < threshold:
            z = rng.standard_normal(len(w0))
            w = w + radius * z / np.linalg.norm(z)
        history.append(w - lr * g)
    return np.array(history)


@bank.mistake(
    "push-instead-of-a-step",
    says="Where the ground is flat you push and take no step; push and step together are one step of the history.",
    fails=["perturbed_gradient_descent_visible", "perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1]
        g = grad(w)
        if np.linalg.norm(g) < threshold:
            z = rng.standard_normal(len(w0))
            history.append(w + radius * z / np.linalg.norm(z))
        else:
            history.append(w - lr * g)
    return np.array(history)


@bank.mistake(
    "push-after-the-step",
    says="You step first and push afterwards; the push comes before the step, so that the step can use the new slope.",
    fails=["perturbed_gradient_descent_visible", "perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1] - lr * grad(history[-1])
        if np.linalg.norm(grad(w)) < threshold:
            z = rng.standard_normal(len(w0))
            w = w + radius * z / np.linalg.norm(z)
        history.append(w)
    return np.array(history)


@bank.mistake(
    "push-same-direction",
    says="You draw one direction before the loop and use it for every push; each push draws its own.",
    fails=["perturbed_gradient_descent_visible", "perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    z = rng.standard_normal(len(w0))
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1]
        if np.linalg.norm(grad(w)) < threshold:
            w = w + radius * z / np.linalg.norm(z)
        history.append(w - lr * grad(w))
    return np.array(history)


@bank.mistake(
    "push-draws-every-step",
    says="You draw a direction at every step, used or not; draw one for a push alone, so that nothing else is taken "
    "from rng.",
    fails=["perturbed_gradient_descent_visible", "perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1]
        z = rng.standard_normal(len(w0))
        if np.linalg.norm(grad(w)) < threshold:
            w = w + radius * z / np.linalg.norm(z)
        history.append(w - lr * grad(w))
    return np.array(history)


@bank.mistake(
    "push-extra-row",
    says="Your history gives a push a row of its own; push and step together are one step, and one row.",
    fails=["perturbed_gradient_descent_visible", "perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        if np.linalg.norm(grad(history[-1])) < threshold:
            z = rng.standard_normal(len(w0))
            history.append(history[-1] + radius * z / np.linalg.norm(z))
        history.append(history[-1] - lr * grad(history[-1]))
    return np.array(history)


@bank.mistake(
    "push-own-generator",
    says="You make a generator of your own; the directions come from rng, so that a run can be repeated.",
    fails=["perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    own = np.random.default_rng(12345)
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1]
        if np.linalg.norm(grad(w)) < threshold:
            z = own.standard_normal(len(w0))
            w = w + radius * z / np.linalg.norm(z)
        history.append(w - lr * grad(w))
    return np.array(history)


@bank.mistake(
    "push-from-a-cube",
    says="You draw the direction from a cube, which prefers its corners; rng.standard_normal makes every direction "
    "equally likely.",
    fails=["perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1]
        if np.linalg.norm(grad(w)) < threshold:
            z = rng.uniform(-1, 1, len(w0))
            w = w + radius * z / np.linalg.norm(z)
        history.append(w - lr * grad(w))
    return np.array(history)


@bank.mistake(
    "push-by-largest-entry",
    says="You compare the gradient's largest entry with the threshold; its Euclidean length counts.",
    fails=["perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1]
        if np.max(np.abs(grad(w))) < threshold:
            z = rng.standard_normal(len(w0))
            w = w + radius * z / np.linalg.norm(z)
        history.append(w - lr * grad(w))
    return np.array(history)


@bank.mistake(
    "push-at-the-threshold",
    says="You also push where the gradient is exactly as long as the threshold; the ground is flat below it.",
    fails=["perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    history = [np.array(w0, dtype=float)]
    for _ in range(steps):
        w = history[-1]
        if np.linalg.norm(grad(w)) <= threshold:
            z = rng.standard_normal(len(w0))
            w = w + radius * z / np.linalg.norm(z)
        history.append(w - lr * grad(w))
    return np.array(history)


@bank.mistake(
    "push-moves-the-start",
    says="You use the caller's w0 as the moving point, so it is changed in place; start from a copy of floats.",
    fails=["perturbed_gradient_descent_hidden"],
)
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    w, history = w0, [w0.copy()]
    for _ in range(steps):
        if np.linalg.norm(grad(w)) < threshold:
            z = rng.standard_normal(len(w0))
            w += radius * z / np.linalg.norm(z)
        w -= lr * grad(w)
        history.append(w.copy())
    return np.array(history)


@bank.variation("push-list-of-new-points")
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    points = [np.asarray(w0).astype(float)]
    for _ in range(steps):
        w = points[-1].copy()
        if np.sqrt(np.sum(grad(w) ** 2)) < threshold:
            direction = rng.normal(size=w.shape)
            w += direction * (radius / np.sqrt(direction @ direction))
        points.append(w - lr * grad(w))
    return np.vstack(points)


@bank.variation("push-one-entry-at-a-time")
def perturbed_gradient_descent(grad, w0, lr, steps, threshold, radius, rng):
    d = len(w0)
    history = np.zeros((steps + 1, d), dtype=np.float64)
    for i in range(d):
        history[0, i] = w0[i]
    for t in range(1, steps + 1):
        w = history[t - 1].copy()
        g = grad(w.copy())
        if sum(x * x for x in g) < threshold**2:
            z = [rng.standard_normal() for _ in range(d)]
            length = sum(x * x for x in z) ** 0.5
            for i in range(d):
                w[i] += radius * z[i] / length
            g = grad(w.copy())
        for i in range(d):
            history[t, i] = w[i] - lr * g[i]
    return history


# 12 · track_sharpness


@bank.mistake(
    "gauge-after-the-step",
    says="You read the gauge after the step, so every reading belongs to one step later than `at` says.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, at, values = np.array(w0, dtype=float), [], []
    for step in range(steps + 1):
        w = w - lr * grad(w)
        if step % every == 0:
            at.append(step)
            values.append(sharpness(w))
    return np.array(at), np.array(values)


@bank.mistake(
    "gauge-last-reading-missing",
    says="You stop one reading early where one falls due after the last step; `steps` itself is among the step "
    "numbers.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, at, values = np.array(w0, dtype=float), [], []
    for step in range(steps):
        if step % every == 0:
            at.append(step)
            values.append(sharpness(w))
        w = w - lr * grad(w)
    return np.array(at), np.array(values)


@bank.mistake(
    "gauge-start-missing",
    says="Your first reading comes after `every` steps; the start, at step 0, is read too.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, at, values = np.array(w0, dtype=float), [], []
    for step in range(1, steps + 1):
        w = w - lr * grad(w)
        if step % every == 0:
            at.append(step)
            values.append(sharpness(w))
    return np.array(at), np.array(values)


@bank.mistake(
    "gauge-counts-readings",
    says="Your `at` numbers the readings 0, 1, 2, ...; it holds the numbers of steps at which they were taken.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, values = np.array(w0, dtype=float), []
    for step in range(steps + 1):
        if step % every == 0:
            values.append(sharpness(w))
        w = w - lr * grad(w)
    return np.arange(len(values)), np.array(values)


@bank.mistake(
    "gauge-reads-every-step",
    says="Your numbers are right, but you read the gauge at every step and throw most readings away; it is slow, so "
    "read it only where a reading is due.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, values = np.array(w0, dtype=float), []
    for _ in range(steps + 1):
        values.append(sharpness(w))
        w = w - lr * grad(w)
    return np.arange(0, steps + 1, every), np.array(values)[::every]


@bank.mistake(
    "gauge-returns-all",
    says="You return a reading for every step; only every `every`-th is asked for.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, values = np.array(w0, dtype=float), []
    for _ in range(steps + 1):
        values.append(sharpness(w))
        w = w - lr * grad(w)
    return np.arange(steps + 1), np.array(values)


@bank.mistake(
    "gauge-moves-only-when-read",
    says="You take a step only where a reading is due; step every time, and read now and then.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, at, values = np.array(w0, dtype=float), [], []
    for step in range(steps + 1):
        if step % every == 0:
            at.append(step)
            values.append(sharpness(w))
            w = w - lr * grad(w)
    return np.array(at), np.array(values)


@bank.mistake(
    "gauge-stays-at-the-start",
    says="You read the sharpness at w0 every time; read it where the descent has got to.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, at, values = np.array(w0, dtype=float), [], []
    for step in range(steps + 1):
        if step % every == 0:
            at.append(step)
            values.append(sharpness(w0))
        w = w - lr * grad(w)
    return np.array(at), np.array(values)


@bank.mistake(
    "gauge-climbs",
    says="Your step goes along the gradient, which is uphill; descent goes against it.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, at, values = np.array(w0, dtype=float), [], []
    for step in range(steps + 1):
        if step % every == 0:
            at.append(step)
            values.append(sharpness(w))
        w = w + lr * grad(w)
    return np.array(at), np.array(values)


@bank.mistake(
    "gauge-moves-the-start",
    says="You use the caller's w0 as the moving point, so it is changed in place; start from a copy of floats.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, at, values = w0, [], []
    for step in range(steps + 1):
        if step % every == 0:
            at.append(step)
            values.append(sharpness(w))
        w -= lr * grad(w)
    return np.array(at), np.array(values)


@bank.mistake(
    "gauge-pairs",
    says="You return a table of pairs, one row for each reading; two arrays are asked for, the step numbers and the "
    "values.",
    fails=["track_sharpness_visible", "track_sharpness_hidden"],
)
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w, pairs = np.array(w0, dtype=float), []
    for step in range(steps + 1):
        if step % every == 0:
            pairs.append((step, sharpness(w)))
        w = w - lr * grad(w)
    return pairs


@bank.variation("gauge-inner-loop")
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    w = w0.astype(float)
    at = np.arange(0, steps + 1, every)
    values = []
    for start in at:
        values.append(sharpness(w))
        for _ in range(min(every, steps - start)):
            w = w - lr * grad(w)
    return at, np.array(values)


@bank.variation("gauge-after-the-path")
def track_sharpness(grad, sharpness, w0, lr, steps, every):
    path = [np.array(w0, dtype=float)]
    for _ in range(steps):
        path.append(path[-1] - lr * grad(path[-1]))
    at = list(range(0, steps + 1, every))
    return at, np.array([sharpness(path[t]) for t in at])
