"""Known answers to the exercise on adaptive rates: wrong ones with what to say about them, and correct variations."""

import numpy as np

from autograder.bank import Bank

bank = Bank("adaptive")


# 1 · adagrad_step


@bank.mistake(
    "adagrad-climbs",
    says="Your step goes along the gradient, which points uphill; subtract it.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + g * g
    return w + lr * g / (np.sqrt(s) + eps), s


@bank.mistake(
    "adagrad-without-the-square",
    says="You add the gradient itself to the sum. Its square belongs there: the sum must not lose what was negative.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + g
    return w - lr * g / (np.sqrt(np.abs(s)) + eps), s


@bank.mistake(
    "adagrad-adds-the-size",
    says="You add the size of the gradient to the sum; its square belongs there.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + np.abs(g)
    return w - lr * g / (np.sqrt(s) + eps), s


@bank.mistake(
    "adagrad-without-the-root",
    says="You divide by the sum of squares; divide by its root, so that the step does not depend on the unit of g.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + g * g
    return w - lr * g / (s + eps), s


@bank.mistake(
    "adagrad-eps-inside-the-root",
    says="Your eps stands inside the root, where the same number weighs much more; here it is added to the root.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
    reference="The form in Ruder's overview (2016).",
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + g * g
    return w - lr * g / np.sqrt(s + eps), s


@bank.mistake(
    "adagrad-without-eps",
    says="Your step has no eps, so a weight that has had no gradient yet divides nothing by nothing.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + g * g
    return w - lr * g / np.sqrt(s), s


@bank.mistake(
    "adagrad-eps-in-the-sum",
    says="You add eps to the sum that is kept, and so once more at every step; add it to the root, for the step alone.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + g * g + eps
    return w - lr * g / np.sqrt(s), s


@bank.mistake(
    "adagrad-old-sum",
    says="You divide by the sum from before the step. The new square has to be in it: on the first step there is "
    "nothing else.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    return w - lr * g / (np.sqrt(s) + eps), s + g * g


@bank.mistake(
    "adagrad-forgets",
    says="You put the new square in the place of the sum, so nothing is remembered; add it to the sum.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = g * g
    return w - lr * g / (np.sqrt(s) + eps), s


@bank.mistake(
    "adagrad-returns-the-old-sum",
    says="Your weights are right, but you return the sum from before the step; the next step needs the new one.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    return w - lr * g / (np.sqrt(s + g * g) + eps), s


@bank.mistake(
    "adagrad-one-sum-for-all",
    says="You add the squares of all weights into one sum, so all share one rate again; each weight keeps its own sum.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
    reference="A method of its own: AdaGrad-Norm, Ward, Wu and Bottou (2019).",
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + np.sum(g * g)
    return w - lr * g / (np.sqrt(s) + eps), s


@bank.mistake(
    "adagrad-lr-in-the-sum",
    says="You square lr times the gradient; the sum is of the gradients' own squares.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + (lr * g) ** 2
    return w - lr * g / (np.sqrt(s) + eps), s


@bank.mistake(
    "adagrad-sum-first",
    says="Your two results are right but in the wrong order: the weights come first, then the sum.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + g * g
    return s, w - lr * g / (np.sqrt(s) + eps)


@bank.mistake(
    "adagrad-sum-in-place",
    says="Your numbers are right, but you change the caller's sum in place; make a new array with s = s + g*g.",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s += g * g
    return w - lr * g / (np.sqrt(s) + eps), s


@bank.mistake(
    "adagrad-weights-in-place",
    says="Your numbers are right, but you move the caller's weights in place; make a new array with w = w - ...",
    fails=["adagrad_step_visible", "adagrad_step_hidden"],
)
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = s + g * g
    w -= lr * g / (np.sqrt(s) + eps)
    return w, s


@bank.variation("adagrad-powers")
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    total = s + np.square(g)
    return w - g * (lr / (total**0.5 + eps)), total


@bank.variation("adagrad-weight-by-weight")
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    new_w, new_s = np.zeros(len(w)), np.zeros(len(w))
    for i in range(len(w)):
        new_s[i] = s[i] + g[i] ** 2
        new_w[i] = w[i] - lr / (new_s[i] ** 0.5 + eps) * g[i]
    return new_w, new_s


@bank.variation("adagrad-single-precision")
def adagrad_step(w, g, s, lr=0.01, eps=1e-10):
    s = (s + g * g).astype(np.float32)
    return (w - lr * g / (np.sqrt(s) + eps)).astype(np.float32), s


# 2 · online_logistic


@bank.mistake(
    "online-loss-after-the-step",
    says="You take each loss after the step on that very example. It then tells how well the answer was learnt by "
    "heart; take it before the step.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        p = np.exp(-np.logaddexp(0, -(X[i] @ w)))
        w = step(w, (p - y[i]) * X[i])
        losses[i] = np.logaddexp(0, X[i] @ w) - y[i] * (X[i] @ w)
    return w, losses


@bank.mistake(
    "online-gradient-sign",
    says="Your gradient has the wrong sign: it is (p - y)*x. The step itself goes against it.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        z = X[i] @ w
        losses[i] = np.logaddexp(0, z) - y[i] * z
        w = step(w, (y[i] - np.exp(-np.logaddexp(0, -z))) * X[i])
    return w, losses


@bank.mistake(
    "online-gradient-without-x",
    says="Your gradient has lost the inputs: it is p - y times the row x, so a weight whose input is 0 gets none.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        z = X[i] @ w
        losses[i] = np.logaddexp(0, z) - y[i] * z
        w = step(w, np.full(X.shape[1], np.exp(-np.logaddexp(0, -z)) - y[i]))
    return w, losses


@bank.mistake(
    "online-sigmoid-derivative",
    says="You multiply by p*(1 - p) as well. With the logistic loss that factor has cancelled: the gradient is (p - "
    "y)*x.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
    reference="Right for the squared error behind a sigmoid.",
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        z = X[i] @ w
        losses[i] = np.logaddexp(0, z) - y[i] * z
        p = np.exp(-np.logaddexp(0, -z))
        w = step(w, (p - y[i]) * p * (1 - p) * X[i])
    return w, losses


@bank.mistake(
    "online-never-learns",
    says="You call step but do not keep what it returns, so every guess is made with the weights of the start.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        z = X[i] @ w
        losses[i] = np.logaddexp(0, z) - y[i] * z
        step(w, (np.exp(-np.logaddexp(0, -z)) - y[i]) * X[i])
    return w, losses


@bank.mistake(
    "online-naive-logarithm",
    says="Your loss is infinite or no number once p rounds to 0 or 1; write it as log(1 + e^z) - y*z with "
    "np.logaddexp.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    with np.errstate(all="ignore"):
        for i in range(len(X)):
            p = 1 / (1 + np.exp(-(X[i] @ w)))
            losses[i] = -y[i] * np.log(p) - (1 - y[i]) * np.log(1 - p)
            w = step(w, (p - y[i]) * X[i])
    return w, losses


@bank.mistake(
    "online-clipped-probability",
    says="You keep p away from 0 and 1 by force. That makes the loss finite and wrong: a sure and wrong guess costs as "
    "much as z says, without a ceiling.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        p = np.clip(np.exp(-np.logaddexp(0, -(X[i] @ w))), 1e-12, 1 - 1e-12)
        losses[i] = -y[i] * np.log(p) - (1 - y[i]) * np.log(1 - p)
        w = step(w, (p - y[i]) * X[i])
    return w, losses


@bank.mistake(
    "online-infinity-over-infinity",
    says="Your gradient is no number once exp(z) overflows: infinity over infinity. Write p as 1 / (1 + exp(-z)).",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    with np.errstate(all="ignore"):
        for i in range(len(X)):
            z = X[i] @ w
            losses[i] = np.logaddexp(0, z) - y[i] * z
            w = step(w, (np.exp(z) / (1 + np.exp(z)) - y[i]) * X[i])
    return w, losses


@bank.mistake(
    "online-labels-of-minus-one",
    says="Your loss is meant for labels -1 and +1; here they are 0 and 1.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        z = X[i] @ w
        losses[i] = np.logaddexp(0, -y[i] * z)
        w = step(w, -y[i] * np.exp(-np.logaddexp(0, y[i] * z)) * X[i])
    return w, losses


@bank.mistake(
    "online-mean-gradient",
    says="You step along the mean gradient over all examples; each step sees its one example only.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        losses[i] = np.logaddexp(0, X[i] @ w) - y[i] * (X[i] @ w)
        w = step(w, X.T @ (np.exp(-np.logaddexp(0, -(X @ w))) - y) / len(X))
    return w, losses


@bank.mistake(
    "online-mean-loss",
    says="You return the mean of the losses; return them all, one for each example.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        z = X[i] @ w
        losses[i] = np.logaddexp(0, z) - y[i] * z
        w = step(w, (np.exp(-np.logaddexp(0, -z)) - y[i]) * X[i])
    return w, losses.mean()


@bank.mistake(
    "online-base-two",
    says="Your losses are in bits, with the logarithm to base 2; the natural logarithm is asked for.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        z = X[i] @ w
        losses[i] = (np.logaddexp(0, z) - y[i] * z) / np.log(2)
        w = step(w, (np.exp(-np.logaddexp(0, -z)) - y[i]) * X[i])
    return w, losses


@bank.mistake(
    "online-learns-from-errors-only",
    says="You step only where the guess is on the wrong side, which is the perceptron; here every example is a lesson.",
    fails=["online_logistic_visible", "online_logistic_hidden"],
    reference="Rosenblatt's perceptron (1958).",
)
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), np.empty(len(X))
    for i in range(len(X)):
        z = X[i] @ w
        losses[i] = np.logaddexp(0, z) - y[i] * z
        if (z > 0) != (y[i] > 0):
            w = step(w, (np.exp(-np.logaddexp(0, -z)) - y[i]) * X[i])
    return w, losses


@bank.variation("online-two-cases")
def online_logistic(X, y, step):
    w, losses = np.zeros(X.shape[1]), []
    for x, label in zip(X, y, strict=True):
        z = float(np.dot(x, w))
        small = np.exp(-abs(z))
        p = 1 / (1 + small) if z >= 0 else small / (1 + small)
        losses.append(max(z, 0.0) - z * label + np.log1p(small))
        w = step(w, x * (p - label))
    return w, np.array(losses)


@bank.variation("online-margins")
def online_logistic(X, y, step):
    weights = np.zeros(X.shape[1])
    losses = np.zeros(len(y))
    for i in range(len(y)):
        sign = 1.0 if y[i] == 1 else -1.0
        losses[i] = np.logaddexp(0.0, -sign * (weights @ X[i]))
        weights = step(weights, -sign * (1 - np.exp(-losses[i])) * X[i])
    return weights, losses


# 3 · rmsprop_step


@bank.mistake(
    "rmsprop-climbs",
    says="Your step goes along the gradient, which points uphill; subtract it.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = beta2 * v + (1 - beta2) * g * g
    return w + lr * g / (np.sqrt(v) + eps), v


@bank.mistake(
    "rmsprop-shares-exchanged",
    says="Your shares are exchanged: beta2 belongs to the old mean, 1 - beta2 to the new square.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = (1 - beta2) * v + beta2 * g * g
    return w - lr * g / (np.sqrt(v) + eps), v


@bank.mistake(
    "rmsprop-sums",
    says="You keep a sum of all squares, which is AdaGrad; here a mean is kept, and the past fades.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = v + g * g
    return w - lr * g / (np.sqrt(v) + eps), v


@bank.mistake(
    "rmsprop-whole-square",
    says="The whole square enters your mean. Only the share 1 - beta2 of it does: otherwise it is a sum that fades.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = beta2 * v + g * g
    return w - lr * g / (np.sqrt(v) + eps), v


@bank.mistake(
    "rmsprop-without-the-square",
    says="Your mean is of the gradients themselves; it is of their squares.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = beta2 * v + (1 - beta2) * g
    return w - lr * g / (np.sqrt(np.abs(v)) + eps), v


@bank.mistake(
    "rmsprop-squares-the-share",
    says="You square the share 1 - beta2 together with the gradient; only the gradient is squared.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = beta2 * v + ((1 - beta2) * g) ** 2
    return w - lr * g / (np.sqrt(v) + eps), v


@bank.mistake(
    "rmsprop-without-the-root",
    says="You divide by the mean square; divide by its root.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * g / (v + eps), v


@bank.mistake(
    "rmsprop-eps-inside-the-root",
    says="Your eps stands inside the root, where the same number weighs much more; here it is added to the root.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
    reference="The form in Ruder's overview (2016) and in Keras.",
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * g / np.sqrt(v + eps), v


@bank.mistake(
    "rmsprop-without-eps",
    says="Your step has no eps, so a weight that has had no gradient yet divides nothing by nothing.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * g / np.sqrt(v), v


@bank.mistake(
    "rmsprop-old-mean",
    says="You divide by the mean square from before the step; work out the new one first.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    return w - lr * g / (np.sqrt(v) + eps), beta2 * v + (1 - beta2) * g * g


@bank.mistake(
    "rmsprop-corrects-the-bias",
    says="You divide the mean by 1 - beta2, as if to correct its start from zero. RMSprop has no such correction.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * g / (np.sqrt(v / (1 - beta2)) + eps), v


@bank.mistake(
    "rmsprop-mean-first",
    says="Your two results are right but in the wrong order: the weights come first, then the mean square.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v = beta2 * v + (1 - beta2) * g * g
    return v, w - lr * g / (np.sqrt(v) + eps)


@bank.mistake(
    "rmsprop-mean-in-place",
    says="Your numbers are right, but you change the caller's mean square in place; make a new array.",
    fails=["rmsprop_step_visible", "rmsprop_step_hidden"],
)
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    v[:] = beta2 * v + (1 - beta2) * g * g
    return w - lr * g / (np.sqrt(v) + eps), v


@bank.variation("rmsprop-correction-of-the-old")
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    new = v + (1 - beta2) * (g**2 - v)
    return w - g / (new**0.5 + eps) * lr, new


@bank.variation("rmsprop-weight-by-weight")
def rmsprop_step(w, g, v, lr=1e-3, beta2=0.99, eps=1e-8):
    squares = [beta2 * old + (1 - beta2) * slope**2 for old, slope in zip(v, g, strict=True)]
    moved = [here - lr * slope / (s**0.5 + eps) for here, slope, s in zip(w, g, squares, strict=True)]
    return np.array(moved), np.array(squares)


# 4 · adam_step


@bank.mistake(
    "adam-climbs",
    says="Your step goes along the mean gradient, which points uphill; subtract it.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w + lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adam-no-correction",
    says="You use m and v as they are kept. Both start at zero and are too small at first: divide by 1 - beta**t.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (np.sqrt(v) + eps), m, v


@bank.mistake(
    "adam-beta-without-power",
    says="Your correction divides by 1 - beta at every step, not by 1 - beta**t; it has to fade as the run goes on.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1) / (np.sqrt(v / (1 - beta2)) + eps), m, v


@bank.mistake(
    "adam-beta-times-t",
    says="Your correction has beta times t; it is beta to the power t, in Python beta**t.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    with np.errstate(all="ignore"):
        return w - lr * m / (1 - beta1 * t) / (np.sqrt(np.abs(v / (1 - beta2 * t))) + eps), m, v


@bank.mistake(
    "adam-t-from-zero-adds-one",
    says="You correct with t + 1, as if steps were counted from 0; here the first step has t = 1.",
    fails=["adam_step_visible", "adam_step_hidden"],
    reference="Right in a loop over range(steps).",
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1 ** (t + 1)) / (np.sqrt(v / (1 - beta2 ** (t + 1))) + eps), m, v


@bank.mistake(
    "adam-t-minus-one",
    says="You correct with t - 1, which divides by nothing at the first step; t counts this step already.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    with np.errstate(all="ignore"):
        return (
            w - lr * m / np.subtract(1, beta1 ** (t - 1)) / (np.sqrt(v / np.subtract(1, beta2 ** (t - 1))) + eps),
            m,
            v,
        )


@bank.mistake(
    "adam-corrects-m-only",
    says="You correct the first moment only; the second starts at zero as well.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v) + eps), m, v


@bank.mistake(
    "adam-corrects-v-only",
    says="You correct the second moment only; the first starts at zero as well.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adam-one-beta-for-both-corrections",
    says="You correct both moments with beta1; the second is corrected by its own, 1 - beta2**t.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta1**t)) + eps), m, v


@bank.mistake(
    "adam-correction-outside-the-root",
    says="You divide the root of v by 1 - beta2**t; divide v first and take the root of that.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v) / (1 - beta2**t) + eps), m, v


@bank.mistake(
    "adam-keeps-the-corrected",
    says="Your step is right, but you return the corrected moments. The next step would correct them again: return m "
    "and v as they are kept.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * g * g) / (1 - beta2**t)
    return w - lr * m / (np.sqrt(v) + eps), m, v


@bank.mistake(
    "adam-eps-inside-the-root",
    says="Your eps stands inside the root, where 1e-8 acts like 1e-4; here it is added to the root.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps), m, v


@bank.mistake(
    "adam-eps-before-the-correction",
    says="You add eps to the root of the uncorrected v and correct the sum; eps is added to the root of the corrected "
    "v.",
    fails=["adam_step_visible", "adam_step_hidden"],
    reference="The form at the end of section 2 of Kingma and Ba (2015), and of Keras; there eps has another size.",
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + eps), m, v


@bank.mistake(
    "adam-eps-on-the-weights",
    says="You add eps to the weights or to the whole fraction; it belongs to the denominator, beside the root.",
    fails=["adam_step_visible", "adam_step_hidden"],
    reference="A lost pair of brackets: m_hat / np.sqrt(v_hat) + eps.",
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    with np.errstate(all="ignore"):
        return w - lr * (m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adam-without-eps",
    says="Your step has no eps, so a weight that has had no gradient yet divides nothing by nothing.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    with np.errstate(all="ignore"):
        return w - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t)), m, v


@bank.mistake(
    "adam-v-without-the-square",
    says="Your second moment is a mean of the gradients; it is a mean of their squares.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(np.abs(v / (1 - beta2**t))) + eps), m, v


@bank.mistake(
    "adam-v-of-m",
    says="Your second moment takes the square of m; it takes the square of the gradient.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * m * m
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adam-without-the-root",
    says="You divide by the mean square; divide by its root.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / (v / (1 - beta2**t) + eps), m, v


@bank.mistake(
    "adam-betas-exchanged",
    says="Your betas are exchanged: beta1 belongs to the mean of the gradients, beta2 to the mean of their squares.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta2 * m + (1 - beta2) * g
    v = beta1 * v + (1 - beta1) * g * g
    return w - lr * m / (1 - beta2**t) / (np.sqrt(v / (1 - beta1**t)) + eps), m, v


@bank.mistake(
    "adam-shares-exchanged",
    says="Your shares are exchanged: beta belongs to the old mean, 1 - beta to what is new.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = (1 - beta1) * m + beta1 * g
    v = (1 - beta2) * v + beta2 * g * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adam-whole-gradient",
    says="The whole gradient enters your first moment, as in chapter 4. Here it is a mean, and the share 1 - beta1 "
    "enters.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adam-steps-by-the-gradient",
    says="Your step uses the gradient and not its running mean: that is RMSprop with a correction.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * g / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adam-keeps-the-old-moments",
    says="Your weights are right, but you return the moments from before the step; the next step needs the new ones.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    mean = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
    square = (beta2 * v + (1 - beta2) * g * g) / (1 - beta2**t)
    return w - lr * mean / (np.sqrt(square) + eps), m, v


@bank.mistake(
    "adam-moments-in-place",
    says="Your numbers are right, but you change the caller's moments in place; make new arrays.",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m[:] = beta1 * m + (1 - beta1) * g
    v[:] = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m.copy(), v.copy()


@bank.mistake(
    "adam-weights-in-place",
    says="Your numbers are right, but you move the caller's weights in place; make a new array with w = w - ...",
    fails=["adam_step_visible", "adam_step_hidden"],
)
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    w -= lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w, m, v


@bank.variation("adam-corrections-in-the-rate")
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    root = np.sqrt(1 - beta2**t)
    return w - lr * root / (1 - beta1**t) * m / (np.sqrt(v) + eps * root), m, v


@bank.variation("adam-weight-by-weight")
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    new_w, new_m, new_v = np.zeros(len(w)), np.zeros(len(w)), np.zeros(len(w))
    for i in range(len(w)):
        new_m[i] = beta1 * m[i] + (1 - beta1) * g[i]
        new_v[i] = beta2 * v[i] + (1 - beta2) * g[i] ** 2
        mean, square = new_m[i] / (1 - beta1**t), new_v[i] / (1 - beta2**t)
        new_w[i] = w[i] - lr * mean / (square**0.5 + eps)
    return new_w, new_m, new_v


@bank.variation("adam-as-pytorch")
def adam_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    denominator = np.sqrt(v) / np.sqrt(1 - np.power(beta2, t)) + eps
    return w - lr / (1 - np.power(beta1, t)) * (m / denominator), m, v


# 5 · adamw_step


@bank.mistake(
    "adamw-coupled",
    says="You add wd*w to the gradient, so the decay is divided by the root like everything else. That is Adam with "
    "L2; "
    "here the decay stands beside the step.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
    reference="PyTorch's Adam with weight_decay; Loshchilov and Hutter (2019) is about the difference.",
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    g = g + wd * w
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adamw-decay-in-the-numerator",
    says="Your decay is divided by the root together with the mean gradient. It stands beside the fraction, undivided.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * (m / (1 - beta1**t) + wd * w) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adamw-grows",
    says="Your weights grow where they should decay: the term lr*wd*w is subtracted.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w + lr * wd * w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adamw-decay-after-the-step",
    says="You take the step first and then let the new weights decay; decay and step both start from the old weights.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    w = w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * wd * w, m, v


@bank.mistake(
    "adamw-decay-without-lr",
    says="Your decay is wd*w; here it is multiplied by the learning rate as well.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
    reference="The paper's own algorithm 2 multiplies by the schedule alone; PyTorch multiplies by lr.",
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - wd * w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adamw-no-decay",
    says="Your weights do not decay at all: this is Adam.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adamw-doubled-decay",
    says="Your decay is twice as strong as asked: the penalty whose pull is wd*w has a half before it.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - 2 * lr * wd * w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adamw-decays-by-the-sign",
    says="Your decay takes the same amount off every weight; it takes the same share.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * wd * np.sign(w) - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.mistake(
    "adamw-no-correction",
    says="Your decay is right, but m and v are used as they are kept: divide them by 1 - beta**t.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * wd * w - lr * m / (np.sqrt(v) + eps), m, v


@bank.mistake(
    "adamw-eps-inside-the-root",
    says="Your decay is right, but eps stands inside the root; it is added to the root.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * wd * w - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps), m, v


@bank.mistake(
    "adamw-keeps-the-corrected",
    says="Your step is right, but you return the corrected moments; return m and v as they are kept.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * g * g) / (1 - beta2**t)
    return w - lr * wd * w - lr * m / (np.sqrt(v) + eps), m, v


@bank.mistake(
    "adamw-weights-in-place",
    says="Your numbers are right, but you change the caller's weights in place; make a new array.",
    fails=["adamw_step_visible", "adamw_step_hidden"],
)
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    w *= 1 - lr * wd
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@bank.variation("adamw-decay-first")
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    w = (1 - lr * wd) * w
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    return w - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps), m, v


@bank.variation("adamw-one-fraction")
def adamw_step(w, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.01):
    m = np.array(m) * beta1 + np.array(g) * (1 - beta1)
    v = np.array(v) * beta2 + np.array(g) ** 2 * (1 - beta2)
    divisor = np.sqrt(v / (1 - beta2**t)) + eps
    return w - lr * (m / (1 - beta1**t) + wd * w * divisor) / divisor, m, v


# 6 · amsgrad_step


@bank.mistake(
    "amsgrad-maximum-of-the-corrected",
    says="You compare the corrected v with the maximum. The correction is largest at the first steps, so their v would "
    "rule for ever; keep the maximum of v as it is.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
    reference="Keras up to its version 2 compared so.",
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max = np.maximum(v_max, v / (1 - beta2**t))
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-goes-on-from-the-maximum",
    says="You put the maximum in the place of v, and the next mean is made from it; v goes on as in Adam, beside the "
    "maximum.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v_max = v = np.maximum(v_max, beta2 * v + (1 - beta2) * g * g)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-steps-as-adam",
    says="You keep the maximum but divide by the root of v, so the step is Adam's; divide by the root of the maximum.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max = np.maximum(v_max, v)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-minimum",
    says="You keep the smallest v so far; the largest is asked for, so that steps are never longer than they must be.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max = np.minimum(v_max, v)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-largest-of-all",
    says="Your maximum is over all weights, so they share one; it is taken entry by entry, with np.maximum.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max = np.full(len(v), max(np.max(v_max), np.max(v)))
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-largest-square",
    says="You keep the largest squared gradient; the largest of their running mean v is asked for.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max = np.maximum(v_max, g * g)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-maximum-of-the-old",
    says="You compare the maximum with the v from before the step; the new v may be the largest of all.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v_max = np.maximum(v_max, v)
    v = beta2 * v + (1 - beta2) * g * g
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-maximum-uncorrected",
    says="You correct m but not the maximum; divide it by 1 - beta2**t for the step.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max = np.maximum(v_max, v)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-no-corrections",
    says="You correct nothing, as in the paper's algorithm. Here both m and the maximum are corrected for the step.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
    reference="Reddi, Kale and Kumar (2018), algorithm 2.",
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max = np.maximum(v_max, v)
    return w - lr * m / (np.sqrt(v_max) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-eps-inside-the-root",
    says="Your eps stands inside the root; it is added to the root.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max = np.maximum(v_max, v)
    return w - lr * m / (1 - beta1**t) / np.sqrt(v_max / (1 - beta2**t) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-keeps-the-old-maximum",
    says="Your step is right, but you return the maximum from before it; the next step needs the new one.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    highest = np.maximum(v_max, v)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(highest / (1 - beta2**t)) + eps), m, v, v_max


@bank.mistake(
    "amsgrad-maximum-in-place",
    says="Your numbers are right, but you change the caller's maximum in place; make a new array with np.maximum.",
    fails=["amsgrad_step_visible", "amsgrad_step_hidden"],
)
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    v_max[v_max < v] = v[v_max < v]
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v_max / (1 - beta2**t)) + eps), m, v, v_max.copy()


@bank.variation("amsgrad-where")
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = m + (1 - beta1) * (g - m)
    v = v + (1 - beta2) * (g**2 - v)
    highest = np.where(v > v_max, v, v_max)
    root = np.sqrt(1 - beta2**t)
    return w - lr * root / (1 - beta1**t) * m / (np.sqrt(highest) + root * eps), m, v, highest


@bank.variation("amsgrad-weight-by-weight")
def amsgrad_step(w, g, m, v, v_max, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    rows = []
    for i in range(len(w)):
        mean = beta1 * m[i] + (1 - beta1) * g[i]
        square = beta2 * v[i] + (1 - beta2) * g[i] ** 2
        top = max(v_max[i], square)
        moved = w[i] - lr * (mean / (1 - beta1**t)) / ((top / (1 - beta2**t)) ** 0.5 + eps)
        rows.append((moved, mean, square, top))
    w, m, v, v_max = np.array(rows).T
    return w, m, v, v_max


# 7 · reddi_game


@bank.mistake(
    "reddi-counts-from-zero",
    says="You count the steps from 0, so the first rate divides by nothing; the first step is t = 1.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(steps):
        with np.errstate(all="ignore"):
            rate = lr / np.sqrt(t)
        history[t + 1] = np.clip(step(history[t], C if t % 3 == 1 else -1.0, t, rate), -1, 1)
    return history


@bank.mistake(
    "reddi-large-slope-last",
    says="Your large slope comes at t = 3, 6, 9, ...; it comes first, at t = 1, 4, 7, ...",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = C if t % 3 == 0 else -1.0
        history[t] = np.clip(step(history[t - 1], slope, t, lr / np.sqrt(t)), -1, 1)
    return history


@bank.mistake(
    "reddi-every-second",
    says="Your slopes alternate; the large one comes at every third step, with two small ones after it.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = C if t % 2 == 1 else -1.0
        history[t] = np.clip(step(history[t - 1], slope, t, lr / np.sqrt(t)), -1, 1)
    return history


@bank.mistake(
    "reddi-signs-exchanged",
    says="Your two slopes have each other's sign: the rare one is +C, the others are -1.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = -C if t % 3 == 1 else 1.0
        history[t] = np.clip(step(history[t - 1], slope, t, lr / np.sqrt(t)), -1, 1)
    return history


@bank.mistake(
    "reddi-slope-fixed",
    says="Your large slope is always 3; it is the argument C.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = 3.0 if t % 3 == 1 else -1.0
        history[t] = np.clip(step(history[t - 1], slope, t, lr / np.sqrt(t)), -1, 1)
    return history


@bank.mistake(
    "reddi-rate-fixed",
    says="Your rate always begins at 0.5; it is the argument lr.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = C if t % 3 == 1 else -1.0
        history[t] = np.clip(step(history[t - 1], slope, t, 0.5 / np.sqrt(t)), -1, 1)
    return history


@bank.mistake(
    "reddi-no-way-back",
    says="Your weight may leave the interval; after each step it is brought back to between -1 and 1.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = C if t % 3 == 1 else -1.0
        history[t] = step(history[t - 1], slope, t, lr / np.sqrt(t))
    return history


@bank.mistake(
    "reddi-clips-at-the-end",
    says="You bring the finished path back into the interval, while the run itself went on outside; do it at each "
    "step.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = C if t % 3 == 1 else -1.0
        history[t] = step(history[t - 1], slope, t, lr / np.sqrt(t))
    return np.clip(history, -1, 1)


@bank.mistake(
    "reddi-clips-from-zero",
    says="Your interval ends at 0 on the left; it goes from -1 to 1.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = C if t % 3 == 1 else -1.0
        history[t] = np.clip(step(history[t - 1], slope, t, lr / np.sqrt(t)), 0, 1)
    return history


@bank.mistake(
    "reddi-fixed-rate",
    says="Your rate stays the same; at step t it is lr / sqrt(t).",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = C if t % 3 == 1 else -1.0
        history[t] = np.clip(step(history[t - 1], slope, t, lr), -1, 1)
    return history


@bank.mistake(
    "reddi-rate-without-the-root",
    says="Your rate falls like 1/t; it falls like 1/sqrt(t).",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        slope = C if t % 3 == 1 else -1.0
        history[t] = np.clip(step(history[t - 1], slope, t, lr / t), -1, 1)
    return history


@bank.mistake(
    "reddi-without-the-start",
    says="Your path begins after the first step; its first entry is the start, 0.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history, w = np.zeros(steps), 0.0
    for t in range(1, steps + 1):
        slope = C if t % 3 == 1 else -1.0
        w = history[t - 1] = np.clip(step(w, slope, t, lr / np.sqrt(t)), -1, 1)
    return history


@bank.mistake(
    "reddi-mean-slope",
    says="You hand out the mean slope (C - 2)/3 at every step. On average that is the same; for a method with a memory "
    "it is another game.",
    fails=["reddi_game_visible", "reddi_game_hidden"],
)
def reddi_game(step, steps, C=3.0, lr=0.5):
    history = np.zeros(steps + 1)
    for t in range(1, steps + 1):
        history[t] = np.clip(step(history[t - 1], (C - 2) / 3, t, lr / np.sqrt(t)), -1, 1)
    return history


@bank.variation("reddi-list-of-slopes")
def reddi_game(step, steps, C=3.0, lr=0.5):
    w, path = 0.0, [0.0]
    for t, slope in enumerate(([C, -1.0, -1.0] * (steps // 3 + 1))[:steps], start=1):
        w = min(1.0, max(-1.0, float(step(w, slope, t, lr * t**-0.5))))
        path.append(w)
    return np.array(path)


@bank.variation("reddi-counter")
def reddi_game(step, steps, C=3.0, lr=0.5):
    history, t = np.empty(steps + 1), 0
    history[0] = 0.0
    while t < steps:
        w = step(history[t], C if t % 3 == 0 else -1, t + 1, lr / (t + 1) ** 0.5)
        t += 1
        history[t] = w if abs(w) <= 1 else np.sign(w)
    return history


# 8 · clip_by_global_norm


@bank.mistake(
    "clip-array-by-array",
    says="You judge and scale each array by its own length, which turns the direction; there is one length over all "
    "arrays and one factor.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2.0) for g in grads))
    return [g * min(1.0, max_norm / max(np.linalg.norm(g), 1e-300)) for g in grads], norm


@bank.mistake(
    "clip-scales-up",
    says="You scale a gradient up when it is shorter than the limit; within the limit it stays as it is.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2.0) for g in grads))
    return [g * (max_norm / max(norm, 1e-300)) for g in grads], norm


@bank.mistake(
    "clip-squared-norm",
    says="You compare and divide by the squared length; take the root of the sum of squares.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = sum(np.sum(g**2.0) for g in grads)
    scale = max_norm / norm if norm > max_norm else 1.0
    return [scale * g for g in grads], norm


@bank.mistake(
    "clip-adds-the-lengths",
    says="You add up the lengths of the arrays. The squares add up, not the lengths: take the root once, at the end.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = sum(np.linalg.norm(g) for g in grads)
    scale = max_norm / norm if norm > max_norm else 1.0
    return [scale * g for g in grads], norm


@bank.mistake(
    "clip-entry-by-entry",
    says="You cut each entry off at the limit, which turns the direction; all entries are multiplied by one factor.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
    reference="Clipping by value; PyTorch has it as clip_grad_value_.",
)
def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2.0) for g in grads))
    return [np.clip(g, -max_norm, max_norm) for g in grads], norm


@bank.mistake(
    "clip-largest-entry",
    says="Your length is the largest entry; it is the root of the sum of all squares.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = max(np.max(np.abs(g)) for g in grads)
    scale = max_norm / norm if norm > max_norm else 1.0
    return [scale * g for g in grads], norm


@bank.mistake(
    "clip-root-mean-square",
    says="You divide the sum of squares by the number of entries; the length is the root of the sum, not of the mean.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2.0) for g in grads) / sum(np.size(g) for g in grads))
    scale = max_norm / norm if norm > max_norm else 1.0
    return [scale * g for g in grads], norm


@bank.mistake(
    "clip-norm-afterwards",
    says="Your arrays are right, but the length that you return is that after clipping; the one before is asked for.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2.0) for g in grads))
    scale = max_norm / norm if norm > max_norm else 1.0
    return [scale * g for g in grads], scale * norm


@bank.mistake(
    "clip-factor-upside-down",
    says="Your factor is upside down: max_norm/norm makes the gradient shorter, norm/max_norm longer.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2.0) for g in grads))
    scale = norm / max_norm if norm > max_norm else 1.0
    return [scale * g for g in grads], norm


@bank.mistake(
    "clip-to-length-one",
    says="Your clipped gradient has the length 1, whatever the limit; multiply by max_norm as well.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2.0) for g in grads))
    scale = 1.0 / norm if norm > max_norm else 1.0
    return [scale * g for g in grads], norm


@bank.mistake(
    "clip-nothing",
    says="You measure the length and clip nothing: above the limit all arrays are multiplied by max_norm/norm.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2.0) for g in grads))
    return [1.0 * g for g in grads], norm


@bank.mistake(
    "clip-in-place",
    says="Your numbers are right, but you scale the caller's arrays in place; make new ones.",
    fails=["clip_by_global_norm_visible", "clip_by_global_norm_hidden"],
)
def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(g**2.0) for g in grads))
    if norm > max_norm:
        for g in grads:
            g[...] = g * (max_norm / norm)
    return [g.copy() for g in grads], norm


@bank.variation("clip-one-long-vector")
def clip_by_global_norm(grads, max_norm):
    norm = np.linalg.norm(np.concatenate([np.ravel(g) for g in grads]).astype(float))
    factor = min(1.0, max_norm / norm) if norm > 0 else 1.0
    return [np.asarray(g) * factor for g in grads], norm


@bank.variation("clip-as-pytorch")
def clip_by_global_norm(grads, max_norm):
    norm = np.linalg.norm([np.linalg.norm(g) for g in grads])
    if norm <= max_norm:
        return list(grads), norm
    return tuple(g / (norm / max_norm) for g in grads), norm


# 9 · lion_step


@bank.mistake(
    "lion-climbs",
    says="Your step goes along the sign, which points uphill; subtract it.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    w = w + lr * np.sign(beta1 * m + (1 - beta1) * g) - lr * wd * w
    return w, beta2 * m + (1 - beta2) * g


@bank.mistake(
    "lion-one-beta",
    says="You keep the mix itself as the memory. The step mixes with beta1, the memory with beta2: two means of the "
    "same "
    "two arrays.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    m = beta1 * m + (1 - beta1) * g
    return w - lr * (np.sign(m) + wd * w), m


@bank.mistake(
    "lion-betas-exchanged",
    says="Your betas are exchanged: beta1 makes the step, beta2 the memory.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    w = w - lr * (np.sign(beta2 * m + (1 - beta2) * g) + wd * w)
    return w, beta1 * m + (1 - beta1) * g


@bank.mistake(
    "lion-memory-first",
    says="You renew the memory before the step, so the gradient counts twice in the mix; the step is made with the "
    "old m.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    m = beta2 * m + (1 - beta2) * g
    return w - lr * (np.sign(beta1 * m + (1 - beta1) * g) + wd * w), m


@bank.mistake(
    "lion-sign-of-the-memory",
    says="You take the sign of the new memory; it is the sign of the mix, beta1*m + (1 - beta1)*g.",
    fails=["lion_step_visible", "lion_step_hidden"],
    reference="Signum: Bernstein et al. (2018).",
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    m = beta2 * m + (1 - beta2) * g
    return w - lr * (np.sign(m) + wd * w), m


@bank.mistake(
    "lion-sign-of-the-gradient",
    says="You take the sign of the gradient alone; mix it with the memory first.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    return w - lr * (np.sign(g) + wd * w), beta2 * m + (1 - beta2) * g


@bank.mistake(
    "lion-no-sign",
    says="Your step is the mix itself; only its sign is used, so that every weight moves equally far.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    return w - lr * (beta1 * m + (1 - beta1) * g + wd * w), beta2 * m + (1 - beta2) * g


@bank.mistake(
    "lion-unit-length",
    says="You divide the mix by its length; each entry is replaced by its own sign.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    mix = beta1 * m + (1 - beta1) * g
    return w - lr * (mix / max(np.linalg.norm(mix), 1e-300) + wd * w), beta2 * m + (1 - beta2) * g


@bank.mistake(
    "lion-no-decay",
    says="Your weights do not decay: subtract lr*wd*w as well.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    return w - lr * np.sign(beta1 * m + (1 - beta1) * g), beta2 * m + (1 - beta2) * g


@bank.mistake(
    "lion-coupled-decay",
    says="You add wd*w to the gradient, where it vanishes behind the sign; the decay stands beside the sign.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    g = g + wd * w
    return w - lr * np.sign(beta1 * m + (1 - beta1) * g), beta2 * m + (1 - beta2) * g


@bank.mistake(
    "lion-decay-after-the-step",
    says="You let the new weights decay; sign and decay both start from the old weights.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    w = w - lr * np.sign(beta1 * m + (1 - beta1) * g)
    return w - lr * wd * w, beta2 * m + (1 - beta2) * g


@bank.mistake(
    "lion-sign-of-zero",
    says="Your sign of 0 counts as 1, so weights without any gradient drift; np.sign(0) is 0.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    direction = np.where(beta1 * m + (1 - beta1) * g < 0, -1.0, 1.0)
    return w - lr * (direction + wd * w), beta2 * m + (1 - beta2) * g


@bank.mistake(
    "lion-memory-in-place",
    says="Your numbers are right, but you change the caller's memory in place; make a new array.",
    fails=["lion_step_visible", "lion_step_hidden"],
)
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    w = w - lr * (np.sign(beta1 * m + (1 - beta1) * g) + wd * w)
    m[:] = beta2 * m + (1 - beta2) * g
    return w, m.copy()


@bank.variation("lion-decay-first")
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    mix = m + (1 - beta1) * (g - m)
    return (1 - lr * wd) * w - lr * np.sign(mix), m + (1 - beta2) * (g - m)


@bank.variation("lion-comparisons")
def lion_step(w, g, m, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0):
    mix = beta1 * m + (1 - beta1) * g
    new = np.array(w, dtype=float)
    new[mix > 0] -= lr
    new[mix < 0] += lr
    return new - lr * wd * w, g * (1 - beta2) + m * beta2


# 10 · newton_schulz


@bank.mistake(
    "schulz-no-scaling",
    says="You do not scale the matrix first; singular values far above 1 make the iteration explode.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = 1.0 * G
    with np.errstate(all="ignore"):
        for _ in range(steps):
            A = X @ X.T
            X = a * X + b * A @ X + c * A @ A @ X
    return X


@bank.mistake(
    "schulz-largest-singular-value",
    says="You divide by the largest singular value. That works too, but the Frobenius norm is asked for, which needs "
    "no "
    "decomposition.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = G / max(np.linalg.norm(G, 2), 1e-7)
    for _ in range(steps):
        A = X @ X.T
        X = a * X + b * A @ X + c * A @ A @ X
    return X


@bank.mistake(
    "schulz-squared-norm",
    says="You divide by the sum of the squares; divide by its root.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = G / max(np.sum(G * G), 1e-7)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            A = X @ X.T
            X = a * X + b * A @ X + c * A @ A @ X
    return X


@bank.mistake(
    "schulz-division-by-zero",
    says="A matrix of zeros divides nothing by nothing; divide by the larger of norm and 1e-7.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    with np.errstate(all="ignore"):
        X = G / np.linalg.norm(G)
    for _ in range(steps):
        A = X @ X.T
        X = a * X + b * A @ X + c * A @ A @ X
    return X


@bank.mistake(
    "schulz-entry-by-entry",
    says="You raise the entries to powers; the powers are of the matrix, made with @ and a transpose.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = G / max(np.linalg.norm(G), 1e-7)
    for _ in range(steps):
        X = a * X + b * X**3 + c * X**5
    return X


@bank.mistake(
    "schulz-no-fifth-power",
    says="Your round stops at the cube: the term c*(X X^T)^2 X is missing.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
    reference="The classical Newton-Schulz iteration, with a = 1.5 and b = -0.5.",
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, _ = coefficients
    X = G / max(np.linalg.norm(G), 1e-7)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            X = a * X + b * X @ X.T @ X
    return X


@bank.mistake(
    "schulz-cubic-coefficients",
    says="You use fixed coefficients; use the three that are passed.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    X = G / max(np.linalg.norm(G), 1e-7)
    for _ in range(steps):
        X = 1.5 * X - 0.5 * X @ X.T @ X
    return X


@bank.mistake(
    "schulz-coefficients-exchanged",
    says="Your b and c are exchanged: b belongs to the cube, c to the fifth power.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = G / max(np.linalg.norm(G), 1e-7)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            A = X @ X.T
            X = a * X + c * A @ X + b * A @ A @ X
    return X


@bank.mistake(
    "schulz-one-round",
    says="You do one round, whatever steps says; repeat it.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = G / max(np.linalg.norm(G), 1e-7)
    A = X @ X.T
    return a * X + b * A @ X + c * A @ A @ X


@bank.mistake(
    "schulz-product-made-once",
    says="You make X X^T once, before the loop; it has to be made anew in every round, from the new X.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = G / max(np.linalg.norm(G), 1e-7)
    A = X @ X.T
    for _ in range(steps):
        X = a * X + b * A @ X + c * A @ A @ X
    return X


@bank.mistake(
    "schulz-scales-every-round",
    says="You scale the matrix again in every round; that is done once, before the first.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = G / max(np.linalg.norm(G), 1e-7)
    for _ in range(steps):
        X = X / max(np.linalg.norm(X), 1e-7)
        A = X @ X.T
        X = a * X + b * A @ X + c * A @ A @ X
    return X


@bank.mistake(
    "schulz-exact",
    says="You set all singular values to exactly 1 by a decomposition. Muon avoids it, for its price: the rounds are "
    "asked "
    "for, with what they leave near 1.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    U, s, Vt = np.linalg.svd(G, full_matrices=False)
    return U @ np.diag(s > 1e-7) @ Vt


@bank.mistake(
    "schulz-returns-transposed",
    says="You work on the transposed tall matrix, as programs do, but do not turn it back.",
    fails=["newton_schulz_visible", "newton_schulz_hidden"],
)
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = G / max(np.linalg.norm(G), 1e-7)
    if X.shape[0] > X.shape[1]:
        X = X.T
    for _ in range(steps):
        A = X @ X.T
        X = a * X + b * A @ X + c * A @ A @ X
    return X


@bank.variation("schulz-the-short-side")
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    a, b, c = coefficients
    X = G / max(np.sqrt(np.sum(np.square(G))), 1e-7)
    tall = X.shape[0] > X.shape[1]
    X = X.T if tall else X
    for _ in range(steps):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X.T if tall else X


@bank.variation("schulz-by-singular-values")
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    U, s, Vt = np.linalg.svd(G, full_matrices=False)
    s = s / max(np.sqrt(np.sum(s**2)), 1e-7)
    for _ in range(steps):
        s = coefficients[0] * s + coefficients[1] * s**3 + coefficients[2] * s**5
    return U @ np.diag(s) @ Vt


@bank.variation("schulz-products-on-the-right")
def newton_schulz(G, steps=5, coefficients=(3.4445, -4.7750, 2.0315)):
    X = G / max(np.linalg.norm(G), 1e-7)
    for _ in range(steps):
        B = X.T @ X
        X = X @ (coefficients[0] * np.eye(X.shape[1]) + coefficients[1] * B + coefficients[2] * B @ B)
    return X


# 11 · muon_step


@bank.mistake(
    "muon-climbs",
    says="Your step goes along the orthogonal matrix, which points uphill; subtract it.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    O = orthogonalise(G + beta * M)
    return W - lr * wd * W + lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O, M


@bank.mistake(
    "muon-without-look-ahead",
    says="You make the velocity orthogonal, or look ahead with the old one, which is the same; Muon makes G + beta*M "
    "orthogonal, with the new M.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    O = orthogonalise(M)
    return W - lr * wd * W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O, M


@bank.mistake(
    "muon-orthogonal-gradient",
    says="You make the gradient orthogonal and forget the velocity; the momentum comes first.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    O = orthogonalise(G)
    return W - lr * wd * W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O, beta * M + G


@bank.mistake(
    "muon-momentum-of-orthogonal",
    says="You make each gradient orthogonal and gather those; the velocity gathers the gradients as they are, and the "
    "step alone is made orthogonal.",
    fails=["muon_step_visible", "muon_step_hidden"],
    reference="The order of Tuddenham, Prügel-Bennett and Hare (2022); Muon exchanged it.",
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    O = orthogonalise(G)
    M = beta * M + O
    return W - lr * wd * W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * (O + beta * M), M


@bank.mistake(
    "muon-dampened",
    says="You let only the share 1 - beta of the gradient into the velocity; here the whole gradient enters.",
    fails=["muon_step_visible", "muon_step_hidden"],
    reference="PyTorch's Muon keeps such a mean, and takes the same share in the look-ahead, so that its steps are "
    "ours.",
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + (1 - beta) * G
    O = orthogonalise(G + beta * M)
    return W - lr * wd * W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O, M


@bank.mistake(
    "muon-keeps-the-orthogonal",
    says="Your step is right, but you return the orthogonal matrix as the velocity; return M.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    O = orthogonalise(G + beta * (beta * M + G))
    return W - lr * wd * W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O, O


@bank.mistake(
    "muon-not-orthogonal",
    says="You never call orthogonalise: this is Nesterov's momentum.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    return W - lr * wd * W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * (G + beta * M), M


@bank.mistake(
    "muon-orthogonalises-twice",
    says="Your numbers are right, but you call orthogonalise more than once; it is the dearest part of the step: call "
    "it "
    "once and keep the result.",
    fails=["muon_step_visible"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    orthogonalise(G)
    O = orthogonalise(G + beta * M)
    return W - lr * wd * W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O, M


@bank.mistake(
    "muon-no-shape",
    says="Your step has lost the root sqrt(max(1, n/m)), which makes layers of different shapes comparable.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    O = orthogonalise(G + beta * M)
    return W - lr * wd * W - lr * O, M


@bank.mistake(
    "muon-shape-transposed",
    says="Your root has rows over columns, as for the transposed matrix of PyTorch; here the columns are the outputs, "
    "and "
    "it is n/m.",
    fails=["muon_step_visible", "muon_step_hidden"],
    reference="Right for torch.optim.Muon, whose weights have a row for each output.",
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    O = orthogonalise(G + beta * M)
    return W - lr * wd * W - lr * np.sqrt(max(1, W.shape[0] / W.shape[1])) * O, M


@bank.mistake(
    "muon-shape-below-one",
    says="Your factor goes below 1 for a layer with fewer outputs than inputs; it is the root of max(1, n/m).",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    O = orthogonalise(G + beta * M)
    return W - lr * wd * W - lr * np.sqrt(W.shape[1] / W.shape[0]) * O, M


@bank.mistake(
    "muon-shape-without-root",
    says="Your factor is max(1, n/m); take the root of it.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    O = orthogonalise(G + beta * M)
    return W - lr * wd * W - lr * max(1, W.shape[1] / W.shape[0]) * O, M


@bank.mistake(
    "muon-no-decay",
    says="Your weights do not decay: subtract lr*wd*W as well.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    O = orthogonalise(G + beta * M)
    return W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O, M


@bank.mistake(
    "muon-decay-after-the-step",
    says="You let the new weights decay; step and decay both start from the old weights.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M = beta * M + G
    O = orthogonalise(G + beta * M)
    W = W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O
    return W - lr * wd * W, M


@bank.mistake(
    "muon-velocity-in-place",
    says="Your numbers are right, but you change the caller's velocity in place; make a new array with M = beta*M + G.",
    fails=["muon_step_visible", "muon_step_hidden"],
)
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    M *= beta
    M += G
    O = orthogonalise(G + beta * M)
    return W - lr * wd * W - lr * np.sqrt(max(1, W.shape[1] / W.shape[0])) * O, M


@bank.variation("muon-decay-first")
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    inputs, outputs = np.shape(W)
    velocity = G + beta * M
    step = orthogonalise((1 + beta) * G + beta**2 * M)
    factor = (outputs / inputs) ** 0.5 if outputs > inputs else 1.0
    return (1 - lr * wd) * W - (lr * factor) * step, velocity


@bank.variation("muon-largest-of-two-roots")
def muon_step(W, G, M, orthogonalise, lr=0.02, beta=0.95, wd=0.0):
    new = np.add(np.multiply(beta, M), G)
    direction = orthogonalise(np.add(G, np.multiply(beta, new)))
    scale = max(1.0, np.sqrt(W.shape[1]) / np.sqrt(W.shape[0]))
    return W - lr * (wd * W + scale * direction), new
