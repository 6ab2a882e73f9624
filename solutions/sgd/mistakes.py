"""Known answers to the exercise on stochastic gradient descent: wrong ones with what to say, and correct variations."""

import numpy as np

from autograder.bank import Bank

bank = Bank("sgd")


# 1 · minibatches


@bank.mistake(
    "batches-inputs-shuffled-alone",
    says="You shuffle X and leave y as it was, so that every example gets another one's answer; pick from both with "
    "the same row numbers.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    shuffled = X[rng.permutation(len(X))]
    for start in range(0, len(X), batch_size):
        yield shuffled[start : start + batch_size], y[start : start + batch_size]


@bank.mistake(
    "batches-shuffled-twice",
    says="You draw one order for X and another for y, so that examples lose their answers; draw once and use it for "
    "both.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    X, y = rng.permutation(X), rng.permutation(y)
    for start in range(0, len(X), batch_size):
        yield X[start : start + batch_size], y[start : start + batch_size]


@bank.mistake(
    "batches-tail-dropped",
    says="You leave out the last batch where it is smaller; over an epoch every example has to come once.",
    fails=["minibatches_visible", "minibatches_hidden"],
    reference="What torch.utils.data.DataLoader does with drop_last=True.",
)
def minibatches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    for k in range(len(X) // batch_size):
        rows = order[k * batch_size : (k + 1) * batch_size]
        yield X[rows], y[rows]


@bank.mistake(
    "batches-tail-filled-from-the-front",
    says="You fill up the last batch with examples from the front of the order, which come twice then; the last "
    "batch is allowed to be smaller.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        rows = [order[place % len(X)] for place in range(start, start + batch_size)]
        yield X[rows], y[rows]


@bank.mistake(
    "batches-tail-repeats-the-one-before",
    says="You move the last batch back so that it is full, and examples of the batch before it come twice; the last "
    "batch is allowed to be smaller.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        start = max(0, min(start, len(X) - batch_size))
        rows = order[start : start + batch_size]
        yield X[rows], y[rows]


@bank.mistake(
    "batches-empty-at-the-end",
    says="Where the batch size divides the number of examples, you add a batch without any example at the end; its "
    "mean would be nan.",
    fails=["minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    for k in range(len(X) // batch_size + 1):
        rows = order[k * batch_size : (k + 1) * batch_size]
        yield X[rows], y[rows]


@bank.mistake(
    "batches-fixed-in-random-order",
    says="You cut the batches first and shuffle only their order, so the same examples meet in a batch in every "
    "epoch; shuffle the examples.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    starts = np.arange(0, len(X), batch_size)
    for start in rng.permutation(starts):
        yield X[start : start + batch_size], y[start : start + batch_size]


@bank.mistake(
    "batches-not-shuffled",
    says="Your batches come in the order of the data; where that is sorted, every batch leans to one side.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    for start in range(0, len(X), batch_size):
        yield X[start : start + batch_size], y[start : start + batch_size]


@bank.mistake(
    "batches-same-order-every-epoch",
    says="You make a random generator of your own with a fixed seed, so every epoch has the same order; draw from "
    "the one that is passed.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    order = np.random.default_rng(0).permutation(len(X))
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        yield X[rows], y[rows]


@bank.mistake(
    "batches-shuffled-anew-each",
    says="You draw a new order for every batch, so some examples come twice in an epoch and others not at all; draw "
    "one order for the whole epoch.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    for start in range(0, len(X), batch_size):
        rows = rng.permutation(len(X))[start : start + batch_size]
        yield X[rows], y[rows]


@bank.mistake(
    "batches-with-replacement",
    says="You draw examples with replacement, so some come twice in an epoch and others not at all; deal out a "
    "permutation.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    for start in range(0, len(X), batch_size):
        rows = rng.integers(0, len(X), min(batch_size, len(X) - start))
        yield X[rows], y[rows]


@bank.mistake(
    "batches-every-kth",
    says="Your batches take every k-th place of the order; batch number k is a run of neighbours, places "
    "k*batch_size to (k + 1)*batch_size.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    count = -(-len(X) // batch_size)
    for k in range(count):
        rows = order[k::count]
        yield X[rows], y[rows]


@bank.mistake(
    "batches-shuffle-in-place",
    says="Your batches are right, but you shuffle the caller's arrays in place; pick rows by their numbers and leave "
    "the arrays alone.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    X[:], y[:] = X[order], y[order]
    starts = range(0, len(X), batch_size)
    return [(X[start : start + batch_size].copy(), y[start : start + batch_size].copy()) for start in starts]


@bank.mistake(
    "batches-labels-become-floats",
    says="You glue y to X before you shuffle, so whole-number labels come back as floats and can no longer pick an "
    "entry; rows with more than one axis cannot be glued at all.",
    fails=["minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    rows = np.column_stack([X, y]).astype(float)[rng.permutation(len(X))]
    for start in range(0, len(X), batch_size):
        yield rows[start : start + batch_size, :-1], rows[start : start + batch_size, -1]


@bank.mistake(
    "batches-pair-turned-round",
    says="Your pairs stand the wrong way round: first the inputs, then their answers.",
    fails=["minibatches_visible", "minibatches_hidden"],
)
def minibatches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        yield y[rows], X[rows]


@bank.variation("batches-as-a-list")
def minibatches(X, y, batch_size, rng):
    order = rng.permutation(len(X))
    parts = np.split(order, range(batch_size, len(X), batch_size))
    return [(X[rows], y[rows]) for rows in parts]


@bank.variation("batches-from-shuffled-copies")
def minibatches(X, y, batch_size, rng):
    numbers = np.arange(X.shape[0])
    rng.shuffle(numbers)
    X, y = X[numbers], y[numbers]
    start = 0
    while start < len(X):
        yield X[start : start + batch_size], y[start : start + batch_size]
        start += batch_size


@bank.variation("batches-filled-one-by-one")
def minibatches(X, y, batch_size, rng):
    rows = []
    for row in rng.permutation(len(X)):
        rows.append(row)
        if len(rows) == batch_size:
            yield X[rows], y[rows]
            rows = []
    if rows:
        yield X[rows], y[rows]


# 2 · sgd


@bank.mistake(
    "sgd-climbs",
    says="Your step goes along the gradient, which is uphill; descent goes against it.",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    history = [np.array(w0, dtype=float)]
    for t, (X, y) in enumerate(batches):
        history.append(history[-1] + lr(t) * grad(history[-1], X, y))
    return np.array(history)


@bank.mistake(
    "sgd-rate-counts-from-one",
    says="You ask for the rate of step 1 at the first step; steps count from 0.",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    history = [np.array(w0, dtype=float)]
    for t, (X, y) in enumerate(batches, start=1):
        history.append(history[-1] - lr(t) * grad(history[-1], X, y))
    return np.array(history)


@bank.mistake(
    "sgd-rate-never-changes",
    says="You ask for the learning rate once and use it for every step; it is a function of the step number.",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    rate, history = lr(0), [np.array(w0, dtype=float)]
    for X, y in batches:
        history.append(history[-1] - rate * grad(history[-1], X, y))
    return np.array(history)


@bank.mistake(
    "sgd-rate-one-step-late",
    says="You use the rate of the step before: lr(t) belongs to the step that leads from history[t] to history[t + 1].",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    rate, history = lr(0), [np.array(w0, dtype=float)]
    for t, (X, y) in enumerate(batches):
        history.append(history[-1] - rate * grad(history[-1], X, y))
        rate = lr(t)
    return np.array(history)


@bank.mistake(
    "sgd-aliased-history",
    says="Your history holds the same array many times: an in-place update changes every row that was stored before. "
    "Store a copy of each point.",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    w = np.array(w0, dtype=float)
    history = [w]
    for t, (X, y) in enumerate(batches):
        w -= lr(t) * grad(w, X, y)
        history.append(w)
    return np.array(history)


@bank.mistake(
    "sgd-start-missing",
    says="Your history leaves out the starting point; it has one row more than there are batches.",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    w, history = np.array(w0, dtype=float), []
    for t, (X, y) in enumerate(batches):
        w = w - lr(t) * grad(w, X, y)
        history.append(w)
    return np.array(history)


@bank.mistake(
    "sgd-last-point-missing",
    says="Your history stores each point before its step and never the last one; it has one row more than there are "
    "batches.",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    w, history = np.array(w0, dtype=float), []
    for t, (X, y) in enumerate(batches):
        history.append(w)
        w = w - lr(t) * grad(w, X, y)
    return np.array(history)


@bank.mistake(
    "sgd-stale-gradient",
    says="You take every batch's gradient at the starting point; it has to be taken at the point that the run has "
    "reached.",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    history = [np.array(w0, dtype=float)]
    for t, (X, y) in enumerate(batches):
        history.append(history[-1] - lr(t) * grad(history[0], X, y))
    return np.array(history)


@bank.mistake(
    "sgd-first-batch-only",
    says="You use the first batch for every step; each step has a batch of its own.",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    batches = list(batches)
    history = [np.array(w0, dtype=float)]
    for t in range(len(batches)):
        history.append(history[-1] - lr(t) * grad(history[-1], *batches[0]))
    return np.array(history)


@bank.mistake(
    "sgd-divides-by-the-batch",
    says="You divide the gradient by the size of the batch, but grad returns a mean already, so that larger batches "
    "get shorter steps.",
    fails=["sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    history = [np.array(w0, dtype=float)]
    for t, (X, y) in enumerate(batches):
        history.append(history[-1] - lr(t) * grad(history[-1], X, y) / len(y))
    return np.array(history)


@bank.mistake(
    "sgd-adds-up-the-batches",
    says="You keep adding to one gradient and never set it back, so every step repeats all the earlier batches.",
    fails=["sgd_visible", "sgd_hidden"],
    reference="What happens in PyTorch without optimizer.zero_grad().",
)
def sgd(grad, w0, batches, lr):
    history, total = [np.array(w0, dtype=float)], 0
    for t, (X, y) in enumerate(batches):
        total = total + grad(history[-1], X, y)
        history.append(history[-1] - lr(t) * total)
    return np.array(history)


@bank.mistake(
    "sgd-whole-numbers",
    says="Your history has the number type of w0, so a start of whole numbers rounds every later point towards zero; "
    "it has to hold floats.",
    fails=["sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    history = [w0.copy()]
    for t, (X, y) in enumerate(batches):
        history.append((history[-1] - lr(t) * grad(history[-1], X, y)).astype(w0.dtype))
    return np.array(history)


@bank.mistake(
    "sgd-moves-the-start",
    says="You use the caller's w0 as the moving point, so it is changed in place; start from a copy of floats.",
    fails=["sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    history = [w0.copy()]
    for t, (X, y) in enumerate(batches):
        w0 -= lr(t) * grad(w0, X, y)
        history.append(w0.copy())
    return np.array(history)


@bank.mistake(
    "sgd-only-the-end",
    says="You return the last point alone; every point of the path is asked for, one in each row.",
    fails=["sgd_visible", "sgd_hidden"],
)
def sgd(grad, w0, batches, lr):
    w = np.array(w0, dtype=float)
    for t, (X, y) in enumerate(batches):
        w = w - lr(t) * grad(w, X, y)
    return w


@bank.variation("sgd-counts-by-hand")
def sgd(grad, w0, batches, lr):
    w = np.asarray(w0, dtype=np.float64).copy()
    history = [w.copy()]
    for pair in batches:
        w -= lr(len(history) - 1) * grad(w.copy(), pair[0], pair[1])
        history.append(w.copy())
    return np.stack(history)


@bank.variation("sgd-fills-an-array")
def sgd(grad, w0, batches, lr):
    batches = list(batches)
    history = np.zeros((len(batches) + 1, len(w0)))
    history[0] = w0
    for t, (X, y) in enumerate(batches):
        history[t + 1] = history[t] - lr(t) * np.asarray(grad(history[t], X, y))
    return history


# 3 · minibatch_variance


@bank.mistake(
    "variance-without-the-factor",
    says="Your answer ignores `replacement`: a batch without repeats knows more, by the factor (N - B)/(N - 1).",
    fails=["minibatch_variance_visible", "minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    misses = per_example_grads - per_example_grads.mean(axis=0)
    return np.mean(np.sum(misses**2, axis=1)) / batch_size


@bank.mistake(
    "variance-factor-the-wrong-way",
    says="You apply the factor (N - B)/(N - 1) with replacement and leave it out without; it belongs to batches in "
    "which no example comes twice.",
    fails=["minibatch_variance_visible", "minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    misses = per_example_grads - per_example_grads.mean(axis=0)
    factor = (N - batch_size) / max(N - 1, 1) if replacement else 1.0
    return np.mean(np.sum(misses**2, axis=1)) / batch_size * factor


@bank.mistake(
    "variance-factor-over-n",
    says="Your factor is (N - B)/N; with a batch of one it has to be 1, so it is (N - B)/(N - 1).",
    fails=["minibatch_variance_visible", "minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    misses = per_example_grads - per_example_grads.mean(axis=0)
    factor = 1.0 if replacement else (N - batch_size) / N
    return np.mean(np.sum(misses**2, axis=1)) / batch_size * factor


@bank.mistake(
    "variance-sample-estimate",
    says="You divide by N - 1 for sigma^2; here the N examples are all there are, and the mean is over N.",
    fails=["minibatch_variance_visible", "minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    if N == 1:
        return 0.0
    factor = 1.0 if replacement else (N - batch_size) / (N - 1)
    return np.sum(np.var(per_example_grads, axis=0, ddof=1)) / batch_size * factor


@bank.mistake(
    "variance-averages-the-entries",
    says="You average over the entries of the gradient as well; a squared length is their sum.",
    fails=["minibatch_variance_visible", "minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    if N == 1:
        return 0.0
    factor = 1.0 if replacement else (N - batch_size) / (N - 1)
    return np.mean(np.var(per_example_grads, axis=0)) / batch_size * factor


@bank.mistake(
    "variance-one-mean-for-all",
    says="You subtract one number, the mean of all entries; the mean gradient has D entries, one for each column.",
    fails=["minibatch_variance_visible", "minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    if N == 1:
        return 0.0
    factor = 1.0 if replacement else (N - batch_size) / (N - 1)
    return N * per_example_grads.shape[1] * np.var(per_example_grads) / N / batch_size * factor


@bank.mistake(
    "variance-without-the-mean",
    says="You square the gradients themselves; sigma^2 measures their distance from the mean gradient.",
    fails=["minibatch_variance_visible", "minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    if N == 1:
        return 0.0
    factor = 1.0 if replacement else (N - batch_size) / (N - 1)
    return np.mean(np.sum(per_example_grads**2, axis=1)) / batch_size * factor


@bank.mistake(
    "variance-of-one-example",
    says="You forgot to divide by the batch size: the mean of B examples misses by less than a single one does.",
    fails=["minibatch_variance_visible", "minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    if N == 1:
        return 0.0
    factor = 1.0 if replacement else (N - batch_size) / (N - 1)
    return np.sum(np.var(per_example_grads, axis=0)) * factor


@bank.mistake(
    "variance-root",
    says="You return the root, the typical length of the miss; its mean square is asked for.",
    fails=["minibatch_variance_visible", "minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    if N == 1:
        return 0.0
    factor = 1.0 if replacement else (N - batch_size) / (N - 1)
    return np.sqrt(np.sum(np.var(per_example_grads, axis=0)) / batch_size * factor)


@bank.mistake(
    "variance-zero-over-zero",
    says="Your formula is right, but with a single example its factor is 0/0; sigma^2 is 0 there, and so is the "
    "answer.",
    fails=["minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    factor = 1.0 if replacement else (N - batch_size) / (N - 1)
    return np.sum(np.var(per_example_grads, axis=0)) / batch_size * factor


@bank.mistake(
    "variance-shifts-the-gradients",
    says="Your numbers are right, but you subtract the mean inside the caller's array; work on a copy.",
    fails=["minibatch_variance_hidden"],
)
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    per_example_grads -= per_example_grads.mean(axis=0)
    factor = 1.0 if replacement else (N - batch_size) / max(N - 1, 1)
    return np.sum(per_example_grads**2) / N / batch_size * factor


@bank.variation("variance-by-columns")
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = per_example_grads.shape[0]
    sigma2 = per_example_grads.var(axis=0).sum()
    if replacement or N == 1:
        return sigma2 / batch_size
    return sigma2 * (N - batch_size) / (batch_size * (N - 1))


@bank.variation("variance-loops")
def minibatch_variance(per_example_grads, batch_size, replacement):
    N = len(per_example_grads)
    centre = sum(per_example_grads) / N
    total = 0.0
    for g in per_example_grads:
        total += float(np.linalg.norm(g - centre)) ** 2
    share = 1 if replacement else (N - batch_size) / max(N - 1, 1)
    return share * total / N / batch_size


# 4 · inverse_time


@bank.mistake(
    "inverse-exponential",
    says="Your rate is divided by 1 + decay once more at every step, which is exponential decay; it stops moving "
    "after a finite distance.",
    fails=["inverse_time_visible", "inverse_time_hidden"],
)
def inverse_time(step, lr0, decay):
    return lr0 * np.exp(-step * np.log1p(decay))


@bank.mistake(
    "inverse-natural-exponential",
    says="You return lr0*exp(-decay*step); the rate falls like one over time, much more slowly.",
    fails=["inverse_time_visible", "inverse_time_hidden"],
)
def inverse_time(step, lr0, decay):
    return lr0 * np.exp(-decay * step)


@bank.mistake(
    "inverse-counts-from-one",
    says="Your first step is step 1: the rate of step 0 has to be lr0 itself.",
    fails=["inverse_time_visible", "inverse_time_hidden"],
)
def inverse_time(step, lr0, decay):
    return lr0 / (1 + decay * (step + 1))


@bank.mistake(
    "inverse-without-the-one",
    says="Your denominator lacks the 1, so the rate of step 0 is not lr0.",
    fails=["inverse_time_visible", "inverse_time_hidden"],
)
def inverse_time(step, lr0, decay):
    return lr0 / (decay * step) if decay * step > 0 else np.inf


@bank.mistake(
    "inverse-root-of-time",
    says="Your rate falls like one over the root of the step; the step itself is asked for.",
    fails=["inverse_time_visible", "inverse_time_hidden"],
)
def inverse_time(step, lr0, decay):
    return lr0 / (1 + decay * np.sqrt(step))


@bank.mistake(
    "inverse-straight-line",
    says="Your rate falls along a straight line and becomes negative; it has to be divided by 1 + decay*step.",
    fails=["inverse_time_visible", "inverse_time_hidden"],
)
def inverse_time(step, lr0, decay):
    return lr0 * (1 - decay * step)


@bank.mistake(
    "inverse-bracket-lost",
    says="You divide by 1 and then add: the brackets round 1 + decay*step are missing.",
    fails=["inverse_time_visible", "inverse_time_hidden"],
)
def inverse_time(step, lr0, decay):
    return lr0 / 1 + decay * step


@bank.variation("inverse-by-the-half-life")
def inverse_time(step, lr0, decay):
    if decay == 0:
        return lr0
    half_life = 1 / decay
    return lr0 * half_life / (half_life + step)


@bank.variation("inverse-as-a-power")
def inverse_time(step, lr0, decay):
    return lr0 * (1.0 + step * decay) ** -1


# 5 · step_decay


@bank.mistake(
    "drops-smooth",
    says="Your rate falls a little at every step; the quotient has to be rounded down, so that the rate stays "
    "between drops.",
    fails=["step_decay_visible", "step_decay_hidden"],
)
def step_decay(step, lr0, factor, every):
    return lr0 * factor ** (step / every)


@bank.mistake(
    "drops-one-step-early",
    says="Your drop comes one step early: the first `every` steps, 0 to every - 1, share lr0.",
    fails=["step_decay_visible", "step_decay_hidden"],
)
def step_decay(step, lr0, factor, every):
    return lr0 * factor ** ((step + 1) // every)


@bank.mistake(
    "drops-one-step-late",
    says="Your drop comes one step late: step number `every` has the second rate already.",
    fails=["step_decay_visible", "step_decay_hidden"],
)
def step_decay(step, lr0, factor, every):
    return lr0 * factor ** (max(step - 1, 0) // every)


@bank.mistake(
    "drops-once",
    says="Your rate drops once and then stays; it drops again every `every` steps.",
    fails=["step_decay_visible", "step_decay_hidden"],
)
def step_decay(step, lr0, factor, every):
    return lr0 * factor if step >= every else lr0


@bank.mistake(
    "drops-at-every-step",
    says="You multiply by the factor at every step; it is due every `every` steps only.",
    fails=["step_decay_visible", "step_decay_hidden"],
)
def step_decay(step, lr0, factor, every):
    return lr0 * factor**step


@bank.mistake(
    "drops-only-at-the-multiples",
    says="You lower the rate at the steps that `every` divides and go back to lr0 in between; a drop has to last.",
    fails=["step_decay_visible", "step_decay_hidden"],
)
def step_decay(step, lr0, factor, every):
    return lr0 * factor ** (step // every) if step % every == 0 else lr0


@bank.mistake(
    "drops-upwards",
    says="You divide by the factor, so the rate grows at each drop; multiply.",
    fails=["step_decay_visible", "step_decay_hidden"],
)
def step_decay(step, lr0, factor, every):
    return lr0 / factor ** (step // every)


@bank.mistake(
    "drops-rounded-to-nearest",
    says="You round the quotient to the nearest whole number, so the drop comes halfway; round it down.",
    fails=["step_decay_visible", "step_decay_hidden"],
)
def step_decay(step, lr0, factor, every):
    return lr0 * factor ** round(step / every)


@bank.mistake(
    "drops-product-for-power",
    says="You multiply by the factor and by the number of drops; each drop multiplies once, so their number is an "
    "exponent.",
    fails=["step_decay_visible", "step_decay_hidden"],
)
def step_decay(step, lr0, factor, every):
    drops = step // every
    return lr0 * factor * drops if drops else lr0


@bank.variation("drops-in-a-loop")
def step_decay(step, lr0, factor, every):
    rate = lr0
    while step >= every:
        rate = rate * factor
        step -= every
    return rate


@bank.variation("drops-by-floor")
def step_decay(step, lr0, factor, every):
    drops, _ = divmod(step, every)
    return np.power(float(factor), drops) * lr0


# 6 · cosine_with_warmup


@bank.mistake(
    "warmup-starts-at-zero",
    says="Your warm-up is step/warmup: the first step has rate 0 and is thrown away, and the maximum comes a step "
    "late.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
    reference="Hugging Face's get_cosine_schedule_with_warmup starts at rate 0.",
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * step / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * progress)) / 2


@bank.mistake(
    "warmup-one-step-late",
    says="Your warm-up is (step + 1)/(warmup + 1), so it ends below the maximum; step warmup - 1 has lr_max.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
    reference="nanoGPT's get_lr divides by warmup_iters + 1.",
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / (warmup + 1)
    progress = (step + 1 - warmup) / (total - warmup)
    return lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * progress)) / 2


@bank.mistake(
    "warmup-from-the-minimum",
    says="Your warm-up rises from lr_min; it rises from nothing, and lr_min plays a part on the way down only.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_min + (lr_max - lr_min) * (step + 1) / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * progress)) / 2


@bank.mistake(
    "cosine-runs-during-warmup",
    says="Your cosine counts from step 0, so a part of the fall is over before the warm-up ends and the rate jumps; "
    "it starts from lr_max at the end of the warm-up.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / warmup
    return lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * (step + 1) / total)) / 2


@bank.mistake(
    "cosine-times-warmup",
    says="You multiply the warm-up by the cosine, so the rate falls while it rises and never reaches lr_max; the two "
    "come one after the other.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    t = step + 1
    cosine = lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * t / total)) / 2
    return cosine * min(1.0, t / max(warmup, 1))


@bank.mistake(
    "cosine-never-arrives",
    says="Your schedule does not reach its end: the last step, total - 1, has to have lr_min. Count one step more on "
    "the way down.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
    reference="The usual (step - warmup)/(total - warmup), as in Hugging Face's get_cosine_schedule_with_warmup.",
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / warmup
    progress = (step - warmup) / (total - warmup)
    return lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * progress)) / 2


@bank.mistake(
    "cosine-stays-at-the-top",
    says="Two steps of your schedule have lr_max, the last of the warm-up and the one after it; the fall begins with "
    "the second of them.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / warmup
    progress = (step - warmup) / max(total - 1 - warmup, 1)
    return lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * progress)) / 2


@bank.mistake(
    "cosine-without-minimum",
    says="Your cosine falls to 0 whatever lr_min is; it has to end at lr_min.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return lr_max * (1 + np.cos(np.pi * progress)) / 2


@bank.mistake(
    "cosine-minimum-on-top",
    says="You add lr_min to a cosine of full height, so the fall starts above lr_max; the cosine covers the "
    "difference lr_max - lr_min.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return lr_min + lr_max * (1 + np.cos(np.pi * progress)) / 2


@bank.mistake(
    "cosine-is-a-floor",
    says="Your cosine falls to 0 and is then held up at lr_min, so it arrives too early; the cosine itself ends there.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return max(lr_min, lr_max * (1 + np.cos(np.pi * progress)) / 2)


@bank.mistake(
    "cosine-straight-line",
    says="Your rate falls along a straight line; a cosine falls slowly at both ends.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return lr_max + (lr_min - lr_max) * progress


@bank.mistake(
    "cosine-quarter-wave",
    says="Your rate follows a quarter of a wave, cos(pi/2 * progress), and ends steeply; half a wave is asked for.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return lr_min + (lr_max - lr_min) * np.cos(np.pi / 2 * progress)


@bank.mistake(
    "cosine-whole-wave",
    says="Your rate follows a whole wave and is back at lr_max in the end; half a wave is asked for.",
    fails=["cosine_with_warmup_visible", "cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return lr_max * (step + 1) / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return lr_min + (lr_max - lr_min) * (1 + np.cos(2 * np.pi * progress)) / 2


@bank.mistake(
    "cosine-warmup-may-be-missing",
    says="Your schedule is right as long as there is a warm-up; with warmup = 0 you divide by zero.",
    fails=["cosine_with_warmup_hidden"],
)
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    rise = lr_max * (step + 1) / int(warmup)
    if step < warmup:
        return rise
    progress = (step + 1 - warmup) / (total - warmup)
    return lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * progress)) / 2


@bank.variation("cosine-squared")
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    if step < warmup:
        return (step + 1) / warmup * lr_max
    left = (total - 1 - step) / (total - warmup)
    return lr_min + (lr_max - lr_min) * np.sin(np.pi / 2 * left) ** 2


@bank.variation("cosine-as-a-mixture")
def cosine_with_warmup(step, lr_max, warmup, total, lr_min=0.0):
    done = step + 1
    if done > warmup:
        share = 0.5 + 0.5 * np.cos(np.pi * (done - warmup) / (total - warmup))
        return share * lr_max + (1 - share) * lr_min
    return np.linspace(0, lr_max, warmup + 1)[done]


# 7 · noise_floor


@bank.mistake(
    "floor-without-the-half",
    says="Your floor is twice too high: the loss is 1/2*curvature*w^2.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if not 0 < lr < 2 / curvature:
        raise ValueError("no floor")
    return lr * sigma2 / (batch_size * (2 - lr * curvature))


@bank.mistake(
    "floor-of-the-square",
    says="You return the mean of w^2; the loss is half the curvature times that.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if not 0 < lr < 2 / curvature:
        raise ValueError("no floor")
    return lr * sigma2 / (batch_size * curvature * (2 - lr * curvature))


@bank.mistake(
    "floor-for-small-rates",
    says="Your formula holds for small rates only; the denominator has 2 - lr*curvature, not 2.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if not 0 < lr < 2 / curvature:
        raise ValueError("no floor")
    return lr * sigma2 / (4 * batch_size)


@bank.mistake(
    "floor-without-the-batch",
    says="Your floor does not depend on the batch size; a batch of B divides the variance by B.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if not 0 < lr < 2 / curvature:
        raise ValueError("no floor")
    return lr * sigma2 / (2 * (2 - lr * curvature))


@bank.mistake(
    "floor-root-of-the-batch",
    says="You divide by the root of the batch size; that is for the standard deviation, and this is a variance.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if not 0 < lr < 2 / curvature:
        raise ValueError("no floor")
    return lr * sigma2 / (2 * np.sqrt(batch_size) * (2 - lr * curvature))


@bank.mistake(
    "floor-variance-squared",
    says="You square sigma2, which is a variance and a square already.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if not 0 < lr < 2 / curvature:
        raise ValueError("no floor")
    return lr * sigma2**2 / (2 * batch_size * (2 - lr * curvature))


@bank.mistake(
    "floor-rate-squared",
    says="Your floor falls with the square of the rate. Each step adds noise of the size lr^2, but it takes 1/lr "
    "steps to forget it, so one lr is left.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if not 0 < lr < 2 / curvature:
        raise ValueError("no floor")
    return curvature * lr**2 * sigma2 / (2 * batch_size * (2 - lr * curvature))


@bank.mistake(
    "floor-no-check",
    says="Your formula answers for rates at which no run settles; a ValueError is promised unless 0 < lr < "
    "2/curvature.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    return np.float64(lr * sigma2) / (2 * batch_size * (2 - lr * curvature))


@bank.mistake(
    "floor-border-allowed",
    says="You let the rate 2/curvature itself through, where the denominator is 0; the border is excluded.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if lr <= 0 or lr > 2 / curvature:
        raise ValueError("no floor")
    return lr * sigma2 / (2 * batch_size * (2 - lr * curvature))


@bank.mistake(
    "floor-zero-rate-allowed",
    says="You look at the upper border alone; with a rate of 0 or below nothing settles, and a ValueError is promised.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if lr >= 2 / curvature:
        raise ValueError("no floor")
    return lr * sigma2 / (2 * batch_size * (2 - lr * curvature))


@bank.mistake(
    "floor-border-at-one",
    says="You take 1/curvature for the border; a run that jumps across the minimum still settles, up to 2/curvature.",
    fails=["noise_floor_visible", "noise_floor_hidden"],
)
def noise_floor(curvature, lr, sigma2, batch_size):
    if not 0 < lr < 1 / curvature:
        raise ValueError("no floor")
    return lr * sigma2 / (2 * batch_size * (2 - lr * curvature))


@bank.variation("floor-from-the-mean-square")
def noise_floor(curvature, lr, sigma2, batch_size):
    shrink = 1 - lr * curvature
    if lr <= 0 or shrink <= -1:
        raise ValueError("the run does not settle")
    mean_square = lr**2 * sigma2 / batch_size / (1 - shrink**2)
    return 0.5 * curvature * mean_square


@bank.variation("floor-step-by-step")
def noise_floor(curvature, lr, sigma2, batch_size):
    if lr <= 0 or lr * curvature >= 2:
        raise ValueError(f"lr = {lr} has no floor")
    slow = 2 - lr * curvature
    return sigma2 / batch_size * lr / slow / 2


# 8 · gradient_noise_scale


@bank.mistake(
    "noise-scale-biased-trace",
    says="You divide by N for tr(Sigma); the spread around the sample's own mean is too small, so divide by N - 1.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    trace = np.sum((per_example_grads - g) ** 2) / N
    signal = np.sum(g**2) - trace / N
    return trace / signal if signal > 0 else np.inf


@bank.mistake(
    "noise-scale-biased-gradient",
    says="You take |g|^2 for |G|^2. The mean gradient carries noise of its own, tr(Sigma)/N, which has to come off.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    trace = np.sum((per_example_grads - g) ** 2) / (N - 1)
    signal = np.sum(g**2)
    return trace / signal if signal > 0 else np.inf


@bank.mistake(
    "noise-scale-both-biased",
    says="Both your estimates are the plain ones: divide by N - 1 for tr(Sigma), and take tr(Sigma)/N off |g|^2.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    g = per_example_grads.mean(axis=0)
    signal = np.sum(g**2)
    return np.sum(np.var(per_example_grads, axis=0)) / signal if signal > 0 else np.inf


@bank.mistake(
    "noise-scale-noise-added",
    says="You add the noise of the mean to |g|^2; it is in there already and has to come off.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    trace = np.sum((per_example_grads - g) ** 2) / (N - 1)
    signal = np.sum(g**2) + trace / N
    return trace / signal if signal > 0 else np.inf


@bank.mistake(
    "noise-scale-noise-of-one",
    says="You take all of tr(Sigma) off |g|^2; the mean of N gradients carries only tr(Sigma)/N.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    trace = np.sum((per_example_grads - g) ** 2) / (N - 1)
    signal = np.sum(g**2) - trace
    return trace / signal if signal > 0 else np.inf


@bank.mistake(
    "noise-scale-without-the-mean",
    says="You take the mean of |g_i|^2 for tr(Sigma), which holds the gradient as well as the noise; subtract the "
    "mean gradient first.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    trace = np.sum(per_example_grads**2) / (N - 1)
    signal = np.sum(g**2) - trace / N
    return trace / signal if signal > 0 else np.inf


@bank.mistake(
    "noise-scale-averages-the-entries",
    says="You average the variance over the entries; a trace is their sum, as a squared length is.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    trace = np.mean(np.var(per_example_grads, axis=0, ddof=1))
    signal = np.sum(g**2) - trace / N
    return trace / signal if signal > 0 else np.inf


@bank.mistake(
    "noise-scale-upside-down",
    says="Your fraction stands upside down: more noise has to ask for a larger batch.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    trace = np.sum((per_example_grads - g) ** 2) / (N - 1)
    signal = np.sum(g**2) - trace / N
    return signal / trace if signal > 0 and trace > 0 else np.inf


@bank.mistake(
    "noise-scale-ratio-of-lengths",
    says="You return the root, a ratio of lengths; the noise scale is the ratio of their squares.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    trace = np.sum((per_example_grads - g) ** 2) / (N - 1)
    signal = np.sum(g**2) - trace / N
    return np.sqrt(trace / signal) if signal > 0 else np.inf


@bank.mistake(
    "noise-scale-negative",
    says="Your estimate of |G|^2 may come out negative or 0, and then your answer is no batch size; it has to be "
    "numpy.inf there.",
    fails=["gradient_noise_scale_visible", "gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    trace = np.sum((per_example_grads - g) ** 2) / (N - 1)
    return trace / (np.sum(g**2) - trace / N)


@bank.mistake(
    "noise-scale-shifts-the-gradients",
    says="Your numbers are right, but you subtract the mean inside the caller's array; work on a copy.",
    fails=["gradient_noise_scale_hidden"],
)
def gradient_noise_scale(per_example_grads):
    N, g = len(per_example_grads), per_example_grads.mean(axis=0)
    per_example_grads -= g
    trace = np.sum(per_example_grads**2) / (N - 1)
    signal = np.sum(g**2) - trace / N
    return trace / signal if signal > 0 else np.inf


@bank.variation("noise-scale-from-two-batch-sizes")
def gradient_noise_scale(per_example_grads):
    # McCandlish and others (2018), appendix A.1, with batches of 1 and of N
    large, small = len(per_example_grads), 1
    of_large = np.sum(np.mean(per_example_grads, axis=0) ** 2)
    of_small = np.mean(np.sum(np.square(per_example_grads), axis=1))
    signal = (large * of_large - small * of_small) / (large - small)
    trace = (of_small - of_large) / (1 / small - 1 / large)
    return trace / signal if signal > 0 else np.inf


@bank.variation("noise-scale-by-columns")
def gradient_noise_scale(per_example_grads):
    trace = float(np.var(per_example_grads, axis=0, ddof=1).sum())
    g = per_example_grads.mean(axis=0)
    signal = float(g @ g) - trace / per_example_grads.shape[0]
    if signal <= 0:
        return float("inf")
    return trace / signal


# 9 · average_iterates


@bank.mistake(
    "average-counts-the-start",
    says="Your mean counts one point too many: history[0] is the start, and the first point that counts is "
    "history[burn_in + 1].",
    fails=["average_iterates_visible", "average_iterates_hidden"],
)
def average_iterates(history, burn_in):
    if burn_in >= len(history) - 1:
        raise ValueError("nothing left")
    return np.mean(history[burn_in:], axis=0)


@bank.mistake(
    "average-one-too-few",
    says="Your mean leaves out one point too many: the first that counts is history[burn_in + 1].",
    fails=["average_iterates_visible", "average_iterates_hidden"],
)
def average_iterates(history, burn_in):
    if burn_in >= len(history) - 2:
        raise ValueError("nothing left")
    return np.mean(history[burn_in + 2 :], axis=0)


@bank.mistake(
    "average-of-everything",
    says="Your mean is over the whole run and ignores burn_in.",
    fails=["average_iterates_visible", "average_iterates_hidden"],
)
def average_iterates(history, burn_in):
    if burn_in >= len(history) - 1:
        raise ValueError("nothing left")
    return np.mean(history, axis=0)


@bank.mistake(
    "average-without-burn-in",
    says="You leave out the start but ignore burn_in.",
    fails=["average_iterates_visible", "average_iterates_hidden"],
)
def average_iterates(history, burn_in):
    if burn_in >= len(history) - 1:
        raise ValueError("nothing left")
    return np.mean(history[1:], axis=0)


@bank.mistake(
    "average-is-the-last-point",
    says="You return the last point of the run; the mean of its later points is asked for.",
    fails=["average_iterates_visible", "average_iterates_hidden"],
)
def average_iterates(history, burn_in):
    if burn_in >= len(history) - 1:
        raise ValueError("nothing left")
    return history[-1]


@bank.mistake(
    "average-over-the-entries",
    says="Your mean runs over the entries as well and gives one number; average over the points, axis 0.",
    fails=["average_iterates_visible", "average_iterates_hidden"],
)
def average_iterates(history, burn_in):
    if burn_in >= len(history) - 1:
        raise ValueError("nothing left")
    return np.mean(history[burn_in + 1 :])


@bank.mistake(
    "average-divides-by-all",
    says="You add up the right points but divide by the number of all of them; divide by how many you added.",
    fails=["average_iterates_visible", "average_iterates_hidden"],
)
def average_iterates(history, burn_in):
    if burn_in >= len(history) - 1:
        raise ValueError("nothing left")
    return np.sum(history[burn_in + 1 :], axis=0) / len(history)


@bank.mistake(
    "average-of-the-burn-in",
    says="You average the first steps, which are to be left out, and leave out the others.",
    fails=["average_iterates_visible", "average_iterates_hidden"],
)
def average_iterates(history, burn_in):
    if burn_in >= len(history) - 1:
        raise ValueError("nothing left")
    return np.mean(history[: burn_in + 1], axis=0)


@bank.mistake(
    "average-of-nothing",
    says="Your means are right, but where no point is left you return nan; a ValueError is promised.",
    fails=["average_iterates_visible", "average_iterates_hidden"],
)
def average_iterates(history, burn_in):
    return np.mean(history[burn_in + 1 :], axis=0)


@bank.variation("average-running")
def average_iterates(history, burn_in):
    mean, count = np.zeros(history.shape[1]), 0
    for t, w in enumerate(history):
        if t > burn_in:
            count += 1
            mean = mean + (w - mean) / count
    if count == 0:
        raise ValueError("no point is left to average")
    return mean


@bank.variation("average-from-the-end")
def average_iterates(history, burn_in):
    count = len(history) - 1 - burn_in
    if count < 1:
        raise ValueError(f"burn_in = {burn_in} leaves nothing")
    return history[-count:].sum(axis=0) / count


# 10 · softmax_loss_and_grad


@bank.mistake(
    "softmax-overflows",
    says="Your exponentials overflow for large scores; subtract each row's largest score before you take them.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, odds = np.arange(len(labels)), np.exp(X @ W)
    p = odds / odds.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[rows, labels]))
    p[rows, labels] -= 1
    return loss, X.T @ p / len(labels)


@bank.mistake(
    "softmax-log-of-zero",
    says="You take the logarithm of a probability that has rounded to 0; work out log p from the scores as z - "
    "log(sum(exp(z))).",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    p = odds / odds.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[rows, labels]))
    p[rows, labels] -= 1
    return loss, X.T @ p / len(labels)


@bank.mistake(
    "softmax-log-of-clipped",
    says="You add a small number inside the logarithm or clip the probability, which caps the loss of a confident "
    "error; work out log p from the scores.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    p = odds / odds.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(np.maximum(p[rows, labels], 1e-12)))
    p[rows, labels] -= 1
    return loss, X.T @ p / len(labels)


@bank.mistake(
    "softmax-one-maximum-for-all",
    says="You subtract the largest score of the whole batch, so a row far below it is left with zeros and 0/0; each "
    "row has a maximum of its own.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    z = z - z.max()
    total = np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[rows, labels])
    p = np.exp(z) / total
    p[rows, labels] -= 1
    return loss, X.T @ p / len(labels)


@bank.mistake(
    "softmax-sum-for-mean",
    says="Your loss and gradient add up over the examples; divide both by their number.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    z = z - z.max(axis=1, keepdims=True)
    total = np.exp(z).sum(axis=1, keepdims=True)
    loss = np.sum(np.log(total[:, 0]) - z[rows, labels])
    p = np.exp(z) / total
    p[rows, labels] -= 1
    return loss, X.T @ p


@bank.mistake(
    "softmax-gradient-not-averaged",
    says="Your loss is a mean but your gradient is a sum: the 1/N is missing from the gradient.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    z = z - z.max(axis=1, keepdims=True)
    total = np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[rows, labels])
    p = np.exp(z) / total
    p[rows, labels] -= 1
    return loss, X.T @ p


@bank.mistake(
    "softmax-mean-over-classes",
    says="Your gradient is divided by the number of classes as well; the mean is over the examples alone.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    z = z - z.max(axis=1, keepdims=True)
    total = np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[rows, labels])
    p = np.exp(z) / total
    p[rows, labels] -= 1
    return loss, X.T @ p / p.size


@bank.mistake(
    "softmax-gradient-sign",
    says="Your gradient points downhill: it is prediction minus truth, not truth minus prediction.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    z = z - z.max(axis=1, keepdims=True)
    total = np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[rows, labels])
    p = -np.exp(z) / total
    p[rows, labels] += 1
    return loss, X.T @ p / len(labels)


@bank.mistake(
    "softmax-gradient-without-truth",
    says="Your gradient is made of the probabilities alone; subtract 1 at the right class of each example.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    z = z - z.max(axis=1, keepdims=True)
    total = np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[rows, labels])
    return loss, X.T @ (np.exp(z) / total) / len(labels)


@bank.mistake(
    "softmax-truth-in-whole-columns",
    says="You subtract 1 from whole columns: p[:, labels] picks every row, p[rows, labels] one entry in each row.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    z = z - z.max(axis=1, keepdims=True)
    total = np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[rows, labels])
    p = np.exp(z) / total
    p[:, labels] -= 1
    return loss, X.T @ p / len(labels)


@bank.mistake(
    "softmax-over-the-examples",
    says="Your softmax runs over the examples; the probabilities of one example, a row, have to add up to 1.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    z = z - z.max(axis=0, keepdims=True)
    total = np.exp(z).sum(axis=0, keepdims=True)
    p = np.exp(z) / total
    loss = np.mean(np.log(total[0][labels]) - z[rows, labels])
    p[rows, labels] -= 1
    return loss, X.T @ p / len(labels)


@bank.mistake(
    "softmax-bits",
    says="Your loss is in bits, with the logarithm to base 2; the natural logarithm is asked for.",
    fails=["softmax_loss_and_grad_visible", "softmax_loss_and_grad_hidden"],
)
def softmax_loss_and_grad(W, X, labels):
    rows, z = np.arange(len(labels)), X @ W
    z = z - z.max(axis=1, keepdims=True)
    total = np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(np.log(total[:, 0]) - z[rows, labels]) / np.log(2)
    p = np.exp(z) / total
    p[rows, labels] -= 1
    return loss, X.T @ p / len(labels)


@bank.variation("softmax-with-one-hot-rows")
def softmax_loss_and_grad(W, X, labels):
    scores = X @ W
    truth = np.eye(W.shape[1])[labels]
    largest = scores.max(axis=1)
    log_total = largest + np.log(np.exp(scores - largest[:, None]).sum(axis=1))
    log_p = scores - log_total[:, None]
    return -np.sum(truth * log_p) / len(X), X.T @ (np.exp(log_p) - truth) / len(X)


@bank.variation("softmax-loops")
def softmax_loss_and_grad(W, X, labels):
    loss, grad = 0.0, np.zeros(W.shape)
    for x, label in zip(X, labels, strict=True):
        z = x @ W
        log_p = z - np.logaddexp.reduce(z)
        loss -= log_p[label] / len(X)
        p = np.exp(log_p)
        p[label] -= 1.0
        grad += np.outer(x, p) / len(X)
    return loss, grad


# 11 · linear_scaling


@bank.mistake(
    "scaling-upside-down",
    says="Your fraction stands upside down: a larger batch has less noise and can take a longer step.",
    fails=["linear_scaling_visible", "linear_scaling_hidden"],
)
def linear_scaling(lr, batch_size, new_batch_size):
    return lr * batch_size / new_batch_size


@bank.mistake(
    "scaling-square-root",
    says="You scale with the root of the batch size; that rule exists, but the linear one is asked for.",
    fails=["linear_scaling_visible", "linear_scaling_hidden"],
    reference="Krizhevsky, One Weird Trick for Parallelizing Convolutional Neural Networks (2014).",
)
def linear_scaling(lr, batch_size, new_batch_size):
    return lr * np.sqrt(new_batch_size / batch_size)


@bank.mistake(
    "scaling-only-upwards",
    says="You never scale down; the rule works in both directions.",
    fails=["linear_scaling_visible", "linear_scaling_hidden"],
)
def linear_scaling(lr, batch_size, new_batch_size):
    return lr * max(1.0, new_batch_size / batch_size)


@bank.mistake(
    "scaling-forgets-the-old-batch",
    says="You multiply by the new batch size and forget to divide by the old one.",
    fails=["linear_scaling_visible", "linear_scaling_hidden"],
)
def linear_scaling(lr, batch_size, new_batch_size):
    return lr * new_batch_size


@bank.mistake(
    "scaling-whole-ratio",
    says="Your ratio is rounded down to a whole number, so a smaller batch gets the rate 0; divide with / and not //.",
    fails=["linear_scaling_visible", "linear_scaling_hidden"],
)
def linear_scaling(lr, batch_size, new_batch_size):
    return lr * (new_batch_size // batch_size)


@bank.mistake(
    "scaling-adds",
    says="You grow the rate by the relative difference of the batch sizes without the 1; the rate is in proportion "
    "to the batch size.",
    fails=["linear_scaling_visible", "linear_scaling_hidden"],
)
def linear_scaling(lr, batch_size, new_batch_size):
    return lr * (new_batch_size - batch_size) / batch_size


@bank.variation("scaling-by-the-rate-of-one")
def linear_scaling(lr, batch_size, new_batch_size):
    for_one_example = lr / batch_size
    return for_one_example * new_batch_size


@bank.variation("scaling-by-the-ratio")
def linear_scaling(lr, batch_size, new_batch_size):
    return np.float64(new_batch_size) / batch_size * lr


# 12 · steps_to_target


@bank.mistake(
    "finish-without-the-window",
    says="You look at single losses; one lucky batch must not end the race, so average over the window.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(len(losses)):
        if losses[t] <= target:
            return t
    return None


@bank.mistake(
    "finish-where-the-window-begins",
    says="You return where the window begins; the target is reached at its end.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(len(losses) - window + 1):
        if np.mean(losses[t : t + window]) <= target:
            return t
    return None


@bank.mistake(
    "finish-counts-from-one",
    says="You return the number of losses up to the finish; the index of the last of them is asked for, one less.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(window, len(losses) + 1):
        if np.mean(losses[t - window : t]) <= target:
            return t
    return None


@bank.mistake(
    "finish-strictly-below",
    says="You want the mean to be below the target; at the target is enough.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(window - 1, len(losses)):
        if np.mean(losses[t - window + 1 : t + 1]) < target:
            return t
    return None


@bank.mistake(
    "finish-window-not-full",
    says="You count windows that are not full: before step window - 1 there are too few losses to average.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(len(losses)):
        if np.mean(losses[max(0, t - window + 1) : t + 1]) <= target:
            return t
    return None


@bank.mistake(
    "finish-window-one-short",
    says="Your window ends before the loss of step t, so it holds one loss too few: the end of a slice is excluded.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(window - 1, len(losses)):
        if window > 1 and np.mean(losses[t - window + 1 : t]) <= target:
            return t
    return None


@bank.mistake(
    "finish-zero-for-never",
    says="You return 0 where the target is never reached, as argmax does; that is the first step. Return None.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    if len(losses) < window:
        return 0
    means = np.convolve(losses, np.ones(window), "valid") / window
    reached = means <= target
    return int(np.argmax(reached)) + window - 1 if reached.any() else 0


@bank.mistake(
    "finish-end-for-never",
    says="You return the length of the run where the target is never reached; return None.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(window - 1, len(losses)):
        if np.mean(losses[t - window + 1 : t + 1]) <= target:
            return t
    return len(losses)


@bank.mistake(
    "finish-all-below",
    says="You want every loss of the window to be at or below the target; their mean is enough.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(window - 1, len(losses)):
        if np.max(losses[t - window + 1 : t + 1]) <= target:
            return t
    return None


@bank.mistake(
    "finish-median",
    says="You take the median of the window; the mean is asked for.",
    fails=["steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(window - 1, len(losses)):
        if np.median(losses[t - window + 1 : t + 1]) <= target:
            return t
    return None


@bank.mistake(
    "finish-sum-for-mean",
    says="You compare the sum of the window with the target; divide by its length.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(window - 1, len(losses)):
        if np.sum(losses[t - window + 1 : t + 1]) <= target:
            return t
    return None


@bank.mistake(
    "finish-last-time",
    says="You return the last step at which the mean is at or below the target; the first is asked for.",
    fails=["steps_to_target_visible", "steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    for t in range(len(losses) - 1, window - 2, -1):
        if np.mean(losses[t - window + 1 : t + 1]) <= target:
            return t
    return None


@bank.mistake(
    "finish-zero-is-nothing",
    says="A finish at step 0 comes back as None: 0 counts as false. Compare with None.",
    fails=["steps_to_target_hidden"],
)
def steps_to_target(losses, target, window):
    found = None
    for t in range(window - 1, len(losses)):
        if not found and np.mean(losses[t - window + 1 : t + 1]) <= target:
            found = t
            break
    return found or None


@bank.variation("finish-by-running-sums")
def steps_to_target(losses, target, window):
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    means = (sums[window:] - sums[:-window]) / window
    reached = np.flatnonzero(means <= target)
    return int(reached[0]) + window - 1 if len(reached) else None


@bank.variation("finish-with-a-queue")
def steps_to_target(losses, target, window):
    from collections import deque

    last = deque(maxlen=window)
    for t, loss in enumerate(losses):
        last.append(loss)
        if len(last) == window and sum(last) / window <= target:
            return t


@bank.variation("finish-by-sliding-windows")
def steps_to_target(losses, target, window):
    if len(losses) < window:
        return None
    means = np.lib.stride_tricks.sliding_window_view(losses, window).mean(axis=1)
    hits = np.nonzero(means <= target)[0]
    return hits[0] + window - 1 if hits.size else None
