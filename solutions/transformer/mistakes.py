"""Known answers to the exercise on the Transformer: wrong ones with what to say about them, and correct variations."""

import math

import numpy as np

from autograder.bank import Bank

bank = Bank("transformer")


# 1 · split_heads


@bank.mistake(
    "split-without-exchange",
    says="You reshape straight into (batch, heads, T, d). reshape never changes the order of the numbers, so pieces "
    "of one token's row become tokens. Split into (batch, T, heads, d) first, then exchange the middle axes.",
    fails=["split_heads_visible", "split_heads_hidden"],
)
def split_heads(x, batch, heads):
    rows, columns = x.shape
    return x.reshape(batch, heads, rows // batch, columns // heads)


@bank.mistake(
    "split-leaves-tokens-first",
    says="Your result has the shape (batch, T, heads, d). Tokens and heads still have to change places, so that the "
    "last two axes are what one head has of one sequence.",
    fails=["split_heads_visible", "split_heads_hidden"],
)
def split_heads(x, batch, heads):
    rows, columns = x.shape
    return x.reshape(batch, rows // batch, heads, columns // heads)


@bank.mistake(
    "split-deals-columns-in-turn",
    says="You deal the columns out in turn, as one deals cards: the first head gets columns 0, heads, 2*heads and so "
    "on. The first head has the first d columns, side by side.",
    fails=["split_heads_visible", "split_heads_hidden"],
)
def split_heads(x, batch, heads):
    rows, columns = x.shape
    return x.reshape(batch, rows // batch, columns // heads, heads).transpose(0, 3, 1, 2)


@bank.mistake(
    "split-deals-rows-in-turn",
    says="You deal the rows out to the sequences in turn. The first T rows are the first sequence, the next T the "
    "second: when you split the rows, the axis of the batch comes first.",
    fails=["split_heads_visible", "split_heads_hidden"],
)
def split_heads(x, batch, heads):
    rows, columns = x.shape
    return x.reshape(rows // batch, batch, heads, columns // heads).transpose(1, 2, 0, 3)


@bank.mistake(
    "split-turns-each-head-over",
    says="Each of your heads is transposed: its last two axes are (d, T). A token's numbers stay in a row, so the "
    "last two axes are (T, d).",
    fails=["split_heads_visible", "split_heads_hidden"],
)
def split_heads(x, batch, heads):
    rows, columns = x.shape
    return x.reshape(batch, rows // batch, heads, columns // heads).transpose(0, 2, 3, 1)


@bank.variation("split-by-loops")
def split_heads(x, batch, heads):
    rows, columns = x.shape
    T, d = rows // batch, columns // heads
    out = np.zeros((batch, heads, T, d), dtype=x.dtype)
    for b in range(batch):
        for h in range(heads):
            out[b, h] = x[b * T : (b + 1) * T, h * d : (h + 1) * d]
    return out


@bank.variation("split-by-np-split")
def split_heads(x, batch, heads):
    return np.stack([np.split(sequence, heads, axis=1) for sequence in np.split(x, batch)])


@bank.variation("split-contiguous-transpose")
def split_heads(x, batch, heads):
    return np.ascontiguousarray(np.transpose(np.reshape(x, (batch, -1, heads, x.shape[1] // heads)), (0, 2, 1, 3)))


# 2 · merge_heads


@bank.mistake(
    "merge-without-exchange",
    says="You reshape straight into (batch * T, heads * d), so a row holds several tokens of one head. Bring the "
    "tokens before the heads first, then reshape.",
    fails=["merge_heads_visible", "merge_heads_hidden"],
)
def merge_heads(x):
    batch, heads, T, d = x.shape
    return x.reshape(batch * T, heads * d)


@bank.mistake(
    "merge-alternates-heads",
    says="In your rows the columns of the heads alternate. All d numbers of the first head come first, then those of "
    "the second: the axis of the heads goes before d.",
    fails=["merge_heads_visible", "merge_heads_hidden"],
)
def merge_heads(x):
    batch, heads, T, d = x.shape
    return x.transpose(0, 2, 3, 1).reshape(batch * T, heads * d)


@bank.mistake(
    "merge-alternates-sequences",
    says="Your rows take the first token of every sequence, then the second of every sequence. The rows go sequence "
    "after sequence: the axis of the batch comes first.",
    fails=["merge_heads_visible", "merge_heads_hidden"],
)
def merge_heads(x):
    batch, heads, T, d = x.shape
    return x.transpose(2, 0, 1, 3).reshape(batch * T, heads * d)


@bank.mistake(
    "merge-keeps-the-batch",
    says="Your result has three axes, (batch, T, heads * d). The rows of the whole batch lie below one another, so "
    "the first two become one, (batch * T, heads * d).",
    fails=["merge_heads_visible", "merge_heads_hidden"],
)
def merge_heads(x):
    batch, heads, T, d = x.shape
    return x.swapaxes(1, 2).reshape(batch, T, heads * d)


@bank.mistake(
    "merge-adds-heads",
    says="You add the heads up. They are put side by side, so that each keeps its own d columns of the row.",
    fails=["merge_heads_visible", "merge_heads_hidden"],
)
def merge_heads(x):
    return x.sum(axis=1).reshape(-1, x.shape[-1])


@bank.variation("merge-by-loops")
def merge_heads(x):
    batch, heads, T, d = x.shape
    out = np.empty((batch * T, heads * d), dtype=x.dtype)
    for b in range(batch):
        for t in range(T):
            for h in range(heads):
                out[b * T + t, h * d : (h + 1) * d] = x[b, h, t]
    return out


@bank.variation("merge-by-concatenation")
def merge_heads(x):
    side_by_side = np.concatenate([x[:, h] for h in range(x.shape[1])], axis=-1)
    return side_by_side.reshape(-1, side_by_side.shape[-1])


@bank.variation("merge-by-hstack")
def merge_heads(x):
    return np.vstack([np.hstack(list(sequence)) for sequence in x])


# 3 · layer_norm


@bank.mistake(
    "norm-divides-by-d-minus-1",
    says="Your variance divides by D - 1. Layer normalisation divides by D: it describes the row itself and does not "
    "estimate the spread of a larger population.",
    fails=["layer_norm_visible", "layer_norm_hidden"],
    reference="torch.var and pandas divide by N - 1 unless told otherwise, numpy.var by N.",
)
def layer_norm(x, gain, bias, eps=1e-5):
    inverse_std = 1 / np.sqrt(x.var(axis=1, ddof=1, keepdims=True) + eps)
    normalised = (x - x.mean(axis=1, keepdims=True)) * inverse_std
    return gain * normalised + bias, normalised, inverse_std


@bank.mistake(
    "norm-eps-outside-root",
    says="You add eps to the standard deviation. It belongs to the variance, inside the square root.",
    fails=["layer_norm_visible", "layer_norm_hidden"],
)
def layer_norm(x, gain, bias, eps=1e-5):
    inverse_std = 1 / (x.std(axis=1, keepdims=True) + eps)
    normalised = (x - x.mean(axis=1, keepdims=True)) * inverse_std
    return gain * normalised + bias, normalised, inverse_std


@bank.mistake(
    "norm-without-eps",
    says="You leave eps out. A row of equal numbers has variance 0, and dividing by its root gives infinities.",
    fails=["layer_norm_visible", "layer_norm_hidden"],
)
def layer_norm(x, gain, bias, eps=1e-5):
    with np.errstate(all="ignore"):
        inverse_std = 1 / x.std(axis=1, keepdims=True)
        normalised = (x - x.mean(axis=1, keepdims=True)) * inverse_std
    return gain * normalised + bias, normalised, inverse_std


@bank.mistake(
    "norm-over-the-batch",
    says="You take mean and variance of each column, over the rows. That is batch normalisation. Layer normalisation "
    "treats each row on its own, over its D columns.",
    fails=["layer_norm_visible", "layer_norm_hidden"],
    reference="Ioffe and Szegedy, Batch Normalization (2015).",
)
def layer_norm(x, gain, bias, eps=1e-5):
    inverse_std = 1 / np.sqrt(x.var(axis=0) + eps)
    normalised = (x - x.mean(axis=0)) * inverse_std
    return gain * normalised + bias, normalised, inverse_std


@bank.mistake(
    "norm-over-everything",
    says="You take one mean and one variance for the whole array. Each row has its own: use axis=1 with keepdims=True.",
    fails=["layer_norm_visible", "layer_norm_hidden"],
)
def layer_norm(x, gain, bias, eps=1e-5):
    inverse_std = np.full((len(x), 1), 1 / np.sqrt(x.var() + eps))
    normalised = (x - x.mean()) * inverse_std
    return gain * normalised + bias, normalised, inverse_std


@bank.mistake(
    "norm-without-mean",
    says="You divide by the root of the mean square without taking the mean off. That is RMSNorm; layer normalisation "
    "subtracts the row's mean first.",
    fails=["layer_norm_visible", "layer_norm_hidden"],
    reference="Zhang and Sennrich, Root Mean Square Layer Normalization (2019).",
)
def layer_norm(x, gain, bias, eps=1e-5):
    inverse_std = 1 / np.sqrt((x * x).mean(axis=1, keepdims=True) + eps)
    normalised = x * inverse_std
    return gain * normalised + bias, normalised, inverse_std


@bank.mistake(
    "norm-without-root",
    says="You divide by the variance. Divide by its square root, the standard deviation.",
    fails=["layer_norm_visible", "layer_norm_hidden"],
)
def layer_norm(x, gain, bias, eps=1e-5):
    inverse_std = 1 / (x.var(axis=1, keepdims=True) + eps)
    normalised = (x - x.mean(axis=1, keepdims=True)) * inverse_std
    return gain * normalised + bias, normalised, inverse_std


@bank.mistake(
    "norm-returns-out-twice",
    says="The second thing to return is the row before gain and bias. The way back needs it as it was normalised.",
    fails=["layer_norm_visible", "layer_norm_hidden"],
)
def layer_norm(x, gain, bias, eps=1e-5):
    inverse_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + eps)
    out = gain * (x - x.mean(axis=1, keepdims=True)) * inverse_std + bias
    return out, out, inverse_std


@bank.mistake(
    "norm-gain-after-bias",
    says="You add the bias before you multiply by the gain. It is gain * normalised + bias.",
    fails=["layer_norm_visible", "layer_norm_hidden"],
)
def layer_norm(x, gain, bias, eps=1e-5):
    inverse_std = 1 / np.sqrt(x.var(axis=1, keepdims=True) + eps)
    normalised = (x - x.mean(axis=1, keepdims=True)) * inverse_std
    return gain * (normalised + bias), normalised, inverse_std


@bank.mistake(
    "norm-difference-of-squares",
    says="Your variance is the mean of the squares minus the square of the mean. Where the mean is large these are "
    "two huge numbers that agree in most digits, and the difference keeps none. Average the squared distances.",
    fails=["layer_norm_hidden"],
    reference="Higham, Accuracy and Stability of Numerical Algorithms (2002), section 1.9.",
)
def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(axis=1, keepdims=True)
    inverse_std = 1 / np.sqrt(np.maximum((x * x).mean(axis=1, keepdims=True) - mean**2, 0) + eps)
    normalised = (x - mean) * inverse_std
    return gain * normalised + bias, normalised, inverse_std


@bank.variation("norm-by-mean-and-var")
def layer_norm(x, gain, bias, eps=1e-5):
    inverse_std = (x.var(axis=-1, keepdims=True) + eps) ** -0.5
    normalised = (x - x.mean(axis=-1, keepdims=True)) * inverse_std
    return normalised * gain + bias, normalised, inverse_std


@bank.variation("norm-by-loops")
def layer_norm(x, gain, bias, eps=1e-5):
    N, D = x.shape
    out, normalised, inverse_std = np.zeros((N, D)), np.zeros((N, D)), np.zeros((N, 1))
    for i in range(N):
        mean = sum(x[i]) / D
        inverse_std[i, 0] = 1 / math.sqrt(sum((x[i, j] - mean) ** 2 for j in range(D)) / D + eps)
        for j in range(D):
            normalised[i, j] = (x[i, j] - mean) * inverse_std[i, 0]
            out[i, j] = gain[j] * normalised[i, j] + bias[j]
    return out, normalised, inverse_std


@bank.variation("norm-divides")
def layer_norm(x, gain, bias, eps=1e-5):
    centred = x - np.mean(x, axis=1)[:, np.newaxis]
    std = np.sqrt(np.mean(centred**2, axis=1) + eps)[:, np.newaxis]
    normalised = centred / std
    return gain * normalised + bias, normalised, 1 / std


# 4 · layer_norm_backward


@bank.mistake(
    "norm-back-mean-stands-still",
    says="Your dx takes the row's mean for a constant. Each x moves it, so the mean of dout * gain over the row has "
    "to be taken off.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    slope = dout * gain
    dx = inverse_std * (slope - normalised * (slope * normalised).mean(axis=1, keepdims=True))
    return dx, (dout * normalised).sum(axis=0), dout.sum(axis=0)


@bank.mistake(
    "norm-back-variance-stands-still",
    says="Your dx takes the row's variance for a constant. Each x changes it, so normalised times the mean of dout * "
    "gain * normalised has to be taken off as well.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    slope = dout * gain
    dx = inverse_std * (slope - slope.mean(axis=1, keepdims=True))
    return dx, (dout * normalised).sum(axis=0), dout.sum(axis=0)


@bank.mistake(
    "norm-back-both-stand-still",
    says="Your dx takes the row's mean and its variance for constants. Each x moves both, and two parts of the slope "
    "have to be taken off.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    return dout * gain * inverse_std, (dout * normalised).sum(axis=0), dout.sum(axis=0)


@bank.mistake(
    "norm-back-gain-lost",
    says="Your dx leaves the gain out. What arrives at the normalised row is dout * gain.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    dx = inverse_std * (
        dout - dout.mean(axis=1, keepdims=True) - normalised * (dout * normalised).mean(axis=1, keepdims=True)
    )
    return dx, (dout * normalised).sum(axis=0), dout.sum(axis=0)


@bank.mistake(
    "norm-back-gain-last",
    says="You multiply by the gain at the end. It belongs to dout before the two means are taken: they are means of "
    "dout * gain.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    dx = (
        gain
        * inverse_std
        * (dout - dout.mean(axis=1, keepdims=True) - normalised * (dout * normalised).mean(axis=1, keepdims=True))
    )
    return dx, (dout * normalised).sum(axis=0), dout.sum(axis=0)


@bank.mistake(
    "norm-back-scale-lost",
    says="Your dx leaves inverse_std out. The row was divided by its deviation, and so is the slope that goes back.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    slope = dout * gain
    dx = slope - slope.mean(axis=1, keepdims=True) - normalised * (slope * normalised).mean(axis=1, keepdims=True)
    return dx, (dout * normalised).sum(axis=0), dout.sum(axis=0)


@bank.mistake(
    "norm-back-over-the-rows",
    says="You take the two means over the rows. Each token was normalised on its own, so they are means over the "
    "columns of its row.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    slope = dout * gain
    dx = inverse_std * (slope - slope.mean(axis=0) - normalised * (slope * normalised).mean(axis=0))
    return dx, (dout * normalised).sum(axis=0), dout.sum(axis=0)


@bank.mistake(
    "norm-back-sums-for-means",
    says="You take sums over the row where there should be means: the row's mean and variance divide by D, so their "
    "slopes do too.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    slope = dout * gain
    dx = inverse_std * (
        slope - slope.sum(axis=1, keepdims=True) - normalised * (slope * normalised).sum(axis=1, keepdims=True)
    )
    return dx, (dout * normalised).sum(axis=0), dout.sum(axis=0)


@bank.mistake(
    "norm-back-gain-gradient-of-bias",
    says="Your dgain is the sum of dout, which is dbias. The gain was multiplied by the normalised row, so its slope "
    "is the sum of dout * normalised.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    slope = dout * gain
    dx = inverse_std * (
        slope - slope.mean(axis=1, keepdims=True) - normalised * (slope * normalised).mean(axis=1, keepdims=True)
    )
    return dx, dout.sum(axis=0), dout.sum(axis=0)


@bank.mistake(
    "norm-back-averages-rows",
    says="Your dgain and dbias are means over the rows. Every row used the same gain and bias, so their slopes add "
    "up; the loss has its mean in dout already.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    slope = dout * gain
    dx = inverse_std * (
        slope - slope.mean(axis=1, keepdims=True) - normalised * (slope * normalised).mean(axis=1, keepdims=True)
    )
    return dx, (dout * normalised).mean(axis=0), dout.mean(axis=0)


@bank.mistake(
    "norm-back-true-projection",
    says="You divide the part along normalised by its mean square. With eps that is less than 1, and the chain rule "
    "does not divide by it: normalised times the plain mean of dout * gain * normalised is exact.",
    fails=["layer_norm_backward_visible", "layer_norm_backward_hidden"],
)
def layer_norm_backward(dout, normalised, inverse_std, gain):
    slope = dout * gain
    along = (slope * normalised).mean(axis=1, keepdims=True) / (normalised**2).mean(axis=1, keepdims=True)
    dx = inverse_std * (slope - slope.mean(axis=1, keepdims=True) - normalised * along)
    return dx, (dout * normalised).sum(axis=0), dout.sum(axis=0)


@bank.variation("norm-back-one-formula")
def layer_norm_backward(dout, normalised, inverse_std, gain):
    D = dout.shape[1]
    slope = dout * gain
    whole = D * slope - slope.sum(axis=1, keepdims=True) - normalised * (slope * normalised).sum(axis=1, keepdims=True)
    return whole * inverse_std / D, np.sum(dout * normalised, axis=0), np.sum(dout, axis=0)


@bank.variation("norm-back-jacobian-of-each-row")
def layer_norm_backward(dout, normalised, inverse_std, gain):
    N, D = dout.shape
    dx = np.zeros((N, D))
    for i in range(N):
        jacobian = inverse_std[i, 0] * (np.eye(D) - 1 / D - np.outer(normalised[i], normalised[i]) / D)
        dx[i] = jacobian @ (gain * dout[i])
    return dx, np.einsum("nd,nd->d", dout, normalised), np.einsum("nd->d", dout)


@bank.variation("norm-back-three-roads")
def layer_norm_backward(dout, normalised, inverse_std, gain):
    D = dout.shape[1]
    centred = normalised / inverse_std
    dnormalised = dout * gain
    dvariance = (dnormalised * centred).sum(axis=1, keepdims=True) * -0.5 * inverse_std**3
    dcentred = dnormalised * inverse_std + 2 * centred * dvariance / D
    dmean = -dcentred.sum(axis=1, keepdims=True)
    return dcentred + dmean / D, (dout * normalised).sum(axis=0), dout.sum(axis=0)


# 5 · causal_attention


@bank.mistake(
    "attention-no-mask",
    says="Your tokens look ahead: nothing is masked. Set the scores of later tokens, j > i, to minus infinity before "
    "the softmax, or the model learns to copy what it should predict.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-mask-after-softmax",
    says="You mask after the softmax. Later tokens then still count in its denominator, the shares no longer sum to "
    "1, and the future leaks in. Mask the scores, before it.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True) * np.tri(q.shape[-2])
    return weights @ v, weights


@bank.mistake(
    "attention-mask-inverted",
    says="Your mask is the wrong way round: each token sees itself and what comes after it. The allowed scores are "
    "those on and below the diagonal, j <= i.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5
    scores = np.where(np.tri(q.shape[-2], k=-1, dtype=bool), -np.inf, scores)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-self-only",
    says="Your tokens see themselves and nothing else. A token may look at every token up to itself, j <= i; only "
    "what comes after it is masked.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5
    scores = np.where(np.eye(q.shape[-2], dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-not-itself",
    says="Your mask takes the diagonal away as well. A token may see itself: without that the first one has nothing "
    "to look at, and its softmax divides 0 by 0.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5
    scores = np.where(np.tri(q.shape[-2], k=-1, dtype=bool), scores, -np.inf)
    with np.errstate(invalid="ignore"):
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-masks-with-zero",
    says="You multiply the scores by a mask of zeros and ones. A score of 0 is no small one: e**0 is 1. A masked "
    "score has to be minus infinity.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5 * np.tri(q.shape[-2])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-no-scale",
    says="You do not divide the scores by sqrt(d). A sum of d products is about sqrt(d) times as large as one, and a "
    "softmax of large scores looks at one token only.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = np.where(np.tri(q.shape[-2], dtype=bool), q @ k.swapaxes(-1, -2), -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-scaled-by-d",
    says="You divide the scores by d. Divide by its square root: that is how much a sum of d random products grows.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = np.where(np.tri(q.shape[-2], dtype=bool), q @ k.swapaxes(-1, -2) / q.shape[-1], -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-scaled-by-length",
    says="You divide the scores by sqrt(T), the root of the number of tokens. It is the root of d, the number of "
    "columns that a query and a key have.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    T = q.shape[-2]
    scores = np.where(np.tri(T, dtype=bool), q @ k.swapaxes(-1, -2) / T**0.5, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-softmax-over-queries",
    says="Your softmax runs over the queries. The shares of what one token takes sum to 1, so it runs over the keys, "
    "the last axis of weights.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = np.where(np.tri(q.shape[-2], dtype=bool), q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, -np.inf)
    weights = np.exp(scores - scores.max(axis=-2, keepdims=True))
    weights = weights / weights.sum(axis=-2, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-exchanges-queries-and-keys",
    says="You ask with the keys and answer with the queries: weights[i, j] has to come from q[i] @ k[j].",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = np.where(np.tri(q.shape[-2], dtype=bool), k @ q.swapaxes(-1, -2) / q.shape[-1] ** 0.5, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-weights-transposed",
    says="You mix the values with the transposed weights. Token i takes weights[i, j] from value j: that is weights @ "
    "v.",
    fails=["causal_attention_visible", "causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = np.where(np.tri(q.shape[-2], dtype=bool), q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights.swapaxes(-1, -2) @ v, weights


@bank.mistake(
    "attention-overflows",
    says="Your softmax overflows for large scores: e**800 is too large for a float. Take the largest score of each "
    "row off before np.exp; the shares do not change.",
    fails=["causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = np.where(np.tri(q.shape[-2], dtype=bool), q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, -np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.exp(scores)
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-one-maximum-for-all",
    says="You take one maximum off all scores. A row whose scores are far below it vanishes, and its softmax divides "
    "0 by 0. Each row has a maximum of its own: axis=-1, keepdims=True.",
    fails=["causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = np.where(np.tri(q.shape[-2], dtype=bool), q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5, -np.inf)
    with np.errstate(invalid="ignore"):
        weights = np.exp(scores - scores.max())
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.mistake(
    "attention-maximum-of-the-future",
    says="You take the maximum over all tokens before you mask. If a later score is far larger, all that is allowed "
    "vanishes beside it: mask first, then take the maximum.",
    fails=["causal_attention_hidden"],
)
def causal_attention(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5
    with np.errstate(invalid="ignore"):
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * np.tri(q.shape[-2])
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.variation("attention-plain")
def causal_attention(q, k, v):
    T, d = q.shape[-2:]
    scores = np.matmul(q, np.transpose(k, (0, 1, 3, 2))) / np.sqrt(d)
    scores = np.where(np.triu(np.ones((T, T)), k=1) == 1, -np.inf, scores)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


@bank.variation("attention-by-loops")
def causal_attention(q, k, v):
    batch, heads, T, d = q.shape
    out, weights = np.zeros(q.shape), np.zeros((batch, heads, T, T))
    for b in range(batch):
        for h in range(heads):
            for i in range(T):
                scores = [float(q[b, h, i] @ k[b, h, j]) / math.sqrt(d) for j in range(i + 1)]
                parts = [math.exp(score - max(scores)) for score in scores]
                for j in range(i + 1):
                    weights[b, h, i, j] = parts[j] / sum(parts)
                    out[b, h, i] += weights[b, h, i, j] * v[b, h, j]
    return out, weights


@bank.variation("attention-by-einsum-with-a-large-negative-mask")
def causal_attention(q, k, v):
    T, d = q.shape[-2:]
    scores = np.einsum("bhid,bhjd->bhij", q, k) * d**-0.5
    scores = scores + -1e12 * (1 - np.tri(T))
    shifted = scores - np.max(scores, axis=-1, keepdims=True)
    weights = np.exp(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
    return np.einsum("bhij,bhjd->bhid", weights, v), weights


# 6 · causal_attention_backward


@bank.mistake(
    "attention-back-softmax-as-product",
    says="You send the slopes back through the softmax as through a product, w * g. Shares compete: first take off "
    "the sum of g * a over the keys, a * (g - sum(g * a)).",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dscores = weights * (dout @ v.swapaxes(-1, -2)) / q.shape[-1] ** 0.5
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-softmax-of-one",
    says="You multiply by a * (1 - a). That is the slope of a share in its own score alone; each share depends on the "
    "scores of all the others as well.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dscores = weights * (1 - weights) * (dout @ v.swapaxes(-1, -2)) / q.shape[-1] ** 0.5
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-plain-mean",
    says="In the softmax you take the plain mean of the slopes off. It is the mean weighted by the shares: sum(g * a) "
    "over the keys.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - dweights.mean(axis=-1, keepdims=True)) / q.shape[-1] ** 0.5
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-sums-over-queries",
    says="In the softmax you sum over the queries. Each query has a softmax of its own, over the keys: the sum runs "
    "over the last axis.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-2, keepdims=True)) / q.shape[-1] ** 0.5
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-no-softmax",
    says="You leave the softmax out on the way back: the slopes of the shares are taken for those of the scores.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dscores = dout @ v.swapaxes(-1, -2) * np.tri(q.shape[-2]) / q.shape[-1] ** 0.5
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-no-scale",
    says="Your dq and dk are sqrt(d) times too large. The scores were divided by sqrt(d) on the way forward, and so "
    "are their slopes on the way back.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-scaled-by-d",
    says="You divide the slopes of the scores by d, or by sqrt(d) twice. The scores were divided by sqrt(d) once.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True)) / q.shape[-1]
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-scale-on-queries-only",
    says="You divide dq by sqrt(d) and forget dk. The factor stands between the scores and both of them.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    return dscores @ k / q.shape[-1] ** 0.5, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-scale-on-values-too",
    says="You divide dv by sqrt(d) as well. The factor belongs to the scores; between the values and out there is "
    "none.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dout = dout / q.shape[-1] ** 0.5
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-values-not-transposed",
    says="Your dv multiplies by the weights as they are. Value j is blamed by every token i that took from it: "
    "transpose the weights.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True)) / q.shape[-1] ** 0.5
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights @ dout


@bank.mistake(
    "attention-back-keys-not-transposed",
    says="Your dk multiplies by the slopes of the scores as they are. Key j is blamed by every query i that was "
    "compared with it: transpose them.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True)) / q.shape[-1] ** 0.5
    return dscores @ k, dscores @ q, weights.swapaxes(-1, -2) @ dout


@bank.mistake(
    "attention-back-exchanges-queries-and-keys",
    says="You return dk for dq and dq for dk. The slope of the queries is a product with the keys, and that of the "
    "keys one with the queries.",
    fails=["causal_attention_backward_visible", "causal_attention_backward_hidden"],
)
def causal_attention_backward(dout, q, k, v, weights):
    dweights = dout @ v.swapaxes(-1, -2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True)) / q.shape[-1] ** 0.5
    return dscores.swapaxes(-1, -2) @ q, dscores @ k, weights.swapaxes(-1, -2) @ dout


@bank.variation("attention-back-plain")
def causal_attention_backward(dout, q, k, v, weights):
    dv = np.transpose(weights, (0, 1, 3, 2)) @ dout
    dweights = dout @ np.transpose(v, (0, 1, 3, 2))
    dscores = weights * (dweights - np.sum(dweights * weights, axis=-1, keepdims=True))
    dscores = dscores / np.sqrt(q.shape[-1])
    return dscores @ k, np.transpose(dscores, (0, 1, 3, 2)) @ q, dv


@bank.variation("attention-back-sum-from-the-output")
def causal_attention_backward(dout, q, k, v, weights):
    out = weights @ v
    along = np.einsum("bhid,bhid->bhi", dout, out)[..., None]  # what sum(g * w) comes to
    dscores = weights * (np.einsum("bhid,bhjd->bhij", dout, v) - along)
    return (
        np.einsum("bhij,bhjd->bhid", dscores, k) * q.shape[-1] ** -0.5,
        np.einsum("bhij,bhid->bhjd", dscores, q) * q.shape[-1] ** -0.5,
        np.einsum("bhij,bhid->bhjd", weights, dout),
    )


@bank.variation("attention-back-jacobian-of-each-softmax")
def causal_attention_backward(dout, q, k, v, weights):
    batch, heads, T, d = q.shape
    dq, dk, dv = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    for b in range(batch):
        for h in range(heads):
            for i in range(T):
                share = weights[b, h, i]
                jacobian = np.diag(share) - np.outer(share, share)
                dscore = jacobian @ (v[b, h] @ dout[b, h, i]) / math.sqrt(d)
                dq[b, h, i] = dscore @ k[b, h]
                dk[b, h] += np.outer(dscore, q[b, h, i])
                dv[b, h] += np.outer(share, dout[b, h, i])
    return dq, dk, dv


# 7 · residual_backward


@bank.mistake(
    "residual-path-dropped",
    says="You go back through the branches only. The road around each of them carries a slope as well: what arrived "
    "is added to what came through the branch.",
    fails=["residual_backward_visible", "residual_backward_hidden"],
)
def residual_backward(dout, branches):
    dx = dout
    for branch in reversed(branches):
        dx = branch(dx)
    return dx


@bank.mistake(
    "residual-first-branch-first",
    says="You begin with the first branch. The way back begins where the way forward ended, with the last.",
    fails=["residual_backward_visible", "residual_backward_hidden"],
)
def residual_backward(dout, branches):
    dx = dout
    for branch in branches:
        dx = dx + branch(dx)
    return dx


@bank.mistake(
    "residual-side-by-side",
    says="You hand dout to every branch. A branch must hear what came back through all the later ones too: hand it "
    "the sum so far.",
    fails=["residual_backward_visible", "residual_backward_hidden"],
)
def residual_backward(dout, branches):
    dx = dout
    for branch in reversed(branches):
        dx = dx + branch(dout)
    return dx


@bank.mistake(
    "residual-around-the-whole-chain",
    says="Your road around leads past the whole chain, from its end to its start. There is a road around each single "
    "branch.",
    fails=["residual_backward_visible", "residual_backward_hidden"],
)
def residual_backward(dout, branches):
    dx = dout
    for branch in reversed(branches):
        dx = branch(dx)
    return dout + dx if len(branches) else dx


@bank.mistake(
    "residual-adds-dout-each-time",
    says="At each step you add dout. The road around a branch carries what arrived at that branch, not what arrived "
    "at the end of the chain.",
    fails=["residual_backward_visible", "residual_backward_hidden"],
)
def residual_backward(dout, branches):
    dx = dout
    for branch in reversed(branches):
        dx = dout + branch(dx)
    return dx


@bank.mistake(
    "residual-in-place",
    says="Your numbers are right, but += changes the caller's dout, which others still need. Write dx = dx + "
    "branch(dx).",
    fails=["residual_backward_visible", "residual_backward_hidden"],
)
def residual_backward(dout, branches):
    dx = dout
    for branch in reversed(branches):
        dx += branch(dx)
    return dx


@bank.mistake(
    "residual-branches-skipped",
    says="You hand dout on unchanged. The road around is only half of it: what comes back through each branch is "
    "added.",
    fails=["residual_backward_visible", "residual_backward_hidden"],
)
def residual_backward(dout, branches):
    for branch in branches:
        branch(dout)
    return dout


@bank.variation("residual-recursive")
def residual_backward(dout, branches):
    if not branches:
        return dout
    return residual_backward(dout + branches[-1](dout), branches[:-1])


@bank.variation("residual-by-reduce")
def residual_backward(dout, branches):
    import functools

    return functools.reduce(lambda dx, branch: dx + branch(dx), branches[::-1], dout)


@bank.variation("residual-copies-and-adds-in-place")
def residual_backward(dout, branches):
    dx = dout.copy()
    for i in range(len(branches) - 1, -1, -1):
        through = branches[i](dx.copy())
        dx += through
    return dx


# 8 · embedding_backward


@bank.mistake(
    "embedding-repeats-count-once",
    says="A token that stands in several places is counted once: NumPy's total[tokens] += dx keeps the last row only. "
    "Use np.add.at, or add row by row.",
    fails=["embedding_backward_visible", "embedding_backward_hidden"],
    reference="The user guide of NumPy, 'Assigning values to indexed arrays', warns of it.",
)
def embedding_backward(dx, tokens, dtable):
    total = dtable.copy()
    total[tokens.ravel()] += dx
    return total


@bank.mistake(
    "embedding-assigned",
    says="You set the rows of the tokens where you should add to them. That loses the other places of a token, and "
    "what the last layer has blamed the table for.",
    fails=["embedding_backward_visible", "embedding_backward_hidden"],
)
def embedding_backward(dx, tokens, dtable):
    total = dtable.copy()
    total[tokens.ravel()] = dx
    return total


@bank.mistake(
    "embedding-last-layer-lost",
    says="Your table is blamed for the lookup alone. It is used twice, so its gradient is dtable, from the last "
    "layer, plus what comes from the lookup.",
    fails=["embedding_backward_visible", "embedding_backward_hidden"],
)
def embedding_backward(dx, tokens, dtable):
    total = np.zeros(dtable.shape)
    np.add.at(total, tokens.ravel(), dx)
    return total


@bank.mistake(
    "embedding-lookup-lost",
    says="Your table is blamed for the last layer alone. Each row that was looked up receives its slopes as well.",
    fails=["embedding_backward_visible", "embedding_backward_hidden"],
)
def embedding_backward(dx, tokens, dtable):
    return dtable.copy()


@bank.mistake(
    "embedding-averages-places",
    says="You take the mean over the places of a token. The places add up: each of them used the same row.",
    fails=["embedding_backward_visible", "embedding_backward_hidden"],
)
def embedding_backward(dx, tokens, dtable):
    total = np.zeros(dtable.shape)
    np.add.at(total, tokens.ravel(), dx)
    places = np.bincount(tokens.ravel(), minlength=len(dtable))
    return dtable + total / np.maximum(places, 1)[:, None]


@bank.mistake(
    "embedding-sequences-mixed-up",
    says="You read the tokens in another order than the rows of dx: first the first token of every sequence. The rows "
    "go sequence after sequence, as tokens.ravel() does.",
    fails=["embedding_backward_visible", "embedding_backward_hidden"],
)
def embedding_backward(dx, tokens, dtable):
    total = dtable.copy()
    np.add.at(total, tokens.T.ravel(), dx)
    return total


@bank.mistake(
    "embedding-in-place",
    says="Your numbers are right, but they are added up in the caller's dtable. Add them up in a copy.",
    fails=["embedding_backward_visible", "embedding_backward_hidden"],
)
def embedding_backward(dx, tokens, dtable):
    np.add.at(dtable, tokens.ravel(), dx)
    return dtable


@bank.variation("embedding-by-add-at")
def embedding_backward(dx, tokens, dtable):
    total = np.array(dtable)
    np.add.at(total, tokens.reshape(-1), dx)
    return total


@bank.variation("embedding-by-one-hot")
def embedding_backward(dx, tokens, dtable):
    one_hot = np.zeros((len(dx), len(dtable)))
    one_hot[np.arange(len(dx)), tokens.ravel()] = 1
    return dtable + one_hot.T @ dx


@bank.variation("embedding-by-loop")
def embedding_backward(dx, tokens, dtable):
    total = dtable.copy()
    for row, token in zip(dx, tokens.reshape(-1), strict=True):
        total[token] += row
    return total


@bank.variation("embedding-by-bincount")
def embedding_backward(dx, tokens, dtable):
    columns = [np.bincount(tokens.ravel(), weights=column, minlength=len(dtable)) for column in dx.T]
    return dtable + np.stack(columns, axis=1)


# 9 · next_token_loss


@bank.mistake(
    "loss-targets-not-shifted",
    says="You compare each prediction with the token that was just read. It speaks about the next one: the targets "
    "are window[:, 1:]. A model trained like this learns to copy, with a loss of nearly 0.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    count = batch * (T + 1 - first)
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, :-1]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    return -(log_probs * truth * counts).sum() / count, (np.exp(log_probs) - truth) * counts / count


@bank.mistake(
    "loss-summed",
    says="Your loss is a sum over all predictions. It is their mean: divide by how many count, loss and gradient "
    "alike.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    T, V = logits.shape[1:]
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    return -(log_probs * truth * counts).sum(), (np.exp(log_probs) - truth) * counts


@bank.mistake(
    "loss-summed-over-time",
    says="You divide by the number of sequences only, so the loss is summed over the places. It is a mean over both, "
    "or a longer window would mean a larger step.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    return -(log_probs * truth * counts).sum() / batch, (np.exp(log_probs) - truth) * counts / batch


@bank.mistake(
    "loss-summed-over-sequences",
    says="You divide by the number of places in one sequence, so the loss is summed over the sequences. It is a mean "
    "over both: divide by batch as well, loss and gradient alike.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    T, V = logits.shape[1:]
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None] / (T + 1 - first)
    return -(log_probs * truth * counts).sum(), (np.exp(log_probs) - truth) * counts


@bank.mistake(
    "loss-gradient-not-averaged",
    says="Your loss is a mean, but your gradient is that of the sum: divide it by the number of predictions that "
    "count.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    return -(log_probs * truth * counts).sum() / batch / (T + 1 - first), (np.exp(log_probs) - truth) * counts


@bank.mistake(
    "loss-ignores-first",
    says="You count every prediction, whatever `first` says. Places before `first` are given: they count neither in "
    "the loss nor in the gradient.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    return -(log_probs * truth).sum() / batch / T, (np.exp(log_probs) - truth) / batch / T


@bank.mistake(
    "loss-divides-by-all-places",
    says="You divide by all predictions, also by those before `first` that do not count. The mean runs over batch * "
    "(T + 1 - first) of them.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    return -(log_probs * truth * counts).sum() / batch / T, (np.exp(log_probs) - truth) * counts / batch / T


@bank.mistake(
    "loss-starts-one-place-late",
    says="You leave the place `first` itself out. The prediction of the token at `first` counts; it is logits[:, "
    "first - 1] that speaks about it.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(T) >= first)[None, :, None]
    count = max(batch * (T - first), 1)
    return -(log_probs * truth * counts).sum() / count, (np.exp(log_probs) - truth) * counts / count


@bank.mistake(
    "loss-gradient-of-given-places",
    says="Your loss leaves the given places out, and your gradient does not. Where a prediction does not count, its "
    "gradient is 0.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    count = batch * (T + 1 - first)
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    return -(log_probs * truth)[:, first - 1 :].sum() / count, (np.exp(log_probs) - truth) / count


@bank.mistake(
    "loss-gradient-without-truth",
    says="Your gradient is the softmax alone. It is the softmax minus the truth: 1 less at the token that did come "
    "next.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    count = batch * (T + 1 - first)
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    return -(log_probs * truth * counts).sum() / count, np.exp(log_probs) * counts / count


@bank.mistake(
    "loss-softmax-over-places",
    says="Your softmax runs over the places. At each place it runs over the V tokens, the last axis.",
    fails=["next_token_loss_visible", "next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    count = batch * (T + 1 - first)
    log_probs = logits - logits.max(axis=1, keepdims=True)
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    return -(log_probs * truth * counts).sum() / count, (np.exp(log_probs) - truth) * counts / count


@bank.mistake(
    "loss-overflows",
    says="Your softmax overflows for large logits. Take the largest logit of each place off first; loss and gradient "
    "do not change.",
    fails=["next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    count = batch * (T + 1 - first)
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    with np.errstate(all="ignore"):
        probs = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        loss = -np.log((probs * truth).sum(axis=-1))[:, first - 1 :].sum() / count
    return loss, (probs - truth) * counts / count


@bank.mistake(
    "loss-logarithm-of-zero",
    says="You take the logarithm of a softmax that has already been rounded to 0. Take the logarithm in the formula: "
    "the shifted logit minus the logarithm of the sum.",
    fails=["next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    count = batch * (T + 1 - first)
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    probs = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probs = probs / probs.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        loss = -np.log((probs * truth).sum(axis=-1))[:, first - 1 :].sum() / count
    return loss, (probs - truth) * counts / count


@bank.mistake(
    "loss-one-maximum-for-all",
    says="You take one maximum off all logits. Places whose logits are far below it vanish, and the logarithm of 0 is "
    "minus infinity. Each place has a maximum of its own.",
    fails=["next_token_loss_hidden"],
)
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    count = batch * (T + 1 - first)
    truth = np.eye(V)[window[:, 1:]]
    counts = (np.arange(1, T + 1) >= first)[None, :, None]
    shifted = logits - logits.max()
    with np.errstate(all="ignore"):
        log_probs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -(log_probs * truth * counts).sum() / count, (np.exp(log_probs) - truth) * counts / count


@bank.variation("loss-by-one-hot")
def next_token_loss(logits, window, first=1):
    batch, T, V = logits.shape
    log_probs = logits - logits.max(axis=-1, keepdims=True)
    log_probs = log_probs - np.log(np.sum(np.exp(log_probs), axis=-1, keepdims=True))
    truth = np.eye(V)[window[:, 1:]]
    counts = np.zeros((batch, T, 1))
    counts[:, first - 1 :] = 1
    loss = -np.sum(counts * truth * log_probs) / counts.sum()
    return loss, counts * (np.exp(log_probs) - truth) / counts.sum()


@bank.variation("loss-by-take-along-axis")
def next_token_loss(logits, window, first=1):
    asked, targets = logits[:, first - 1 :], window[:, first:, None]
    top = asked.max(axis=-1, keepdims=True)
    log_sum = top + np.log(np.exp(asked - top).sum(axis=-1, keepdims=True))
    loss = np.mean(log_sum - np.take_along_axis(asked, targets, axis=-1))
    slope = np.exp(asked - log_sum)
    np.put_along_axis(slope, targets, np.take_along_axis(slope, targets, axis=-1) - 1, axis=-1)
    dlogits = np.zeros(logits.shape)
    dlogits[:, first - 1 :] = slope / targets.size
    return loss, dlogits


@bank.variation("loss-by-loops")
def next_token_loss(logits, window, first=1):
    batch, T = logits.shape[:2]
    losses, dlogits = [], np.zeros(logits.shape)
    for b in range(batch):
        for t in range(first - 1, T):
            scores = logits[b, t]
            parts = np.exp(scores - max(scores))
            losses.append(max(scores) + math.log(sum(parts)) - scores[window[b, t + 1]])
            dlogits[b, t] = parts / sum(parts)
            dlogits[b, t, window[b, t + 1]] -= 1
    return sum(losses) / len(losses), dlogits / len(losses)


# 10 · learning_rate


@bank.mistake(
    "rate-starts-at-zero",
    says="Your warm-up counts steps from 0, so the first step has the rate 0 and the peak comes one step late. Step t "
    "of the warm-up has peak * t / warmup.",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return peak * (t - 1) / warmup
    u = (t - warmup) / (total - warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * u)) / 2


@bank.mistake(
    "rate-reaches-peak-late",
    says="Your warm-up divides by warmup + 1, so its last step stays below the peak. Step t of the warm-up has peak * "
    "t / warmup.",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return peak * t / (warmup + 1)
    u = (t - warmup) / (total - warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * u)) / 2


@bank.mistake(
    "rate-decays-during-warmup",
    says="Your cosine runs from the first step on, under the warm-up as well. It starts where the warm-up ends: the "
    "share of the way down is (t - warmup) / (total - warmup).",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    rise = min(1.0, t / warmup) if warmup else 1.0
    return rise * (floor + (peak - floor) * (1 + math.cos(math.pi * t / total)) / 2)


@bank.mistake(
    "rate-jumps-after-warmup",
    says="After the warm-up your rate jumps to where a cosine over the whole run would be. The way down begins at the "
    "peak: its share is (t - warmup) / (total - warmup).",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return peak * t / warmup
    return floor + (peak - floor) * (1 + math.cos(math.pi * t / total)) / 2


@bank.mistake(
    "rate-never-arrives",
    says="Your way down starts one step late, so the first step after the warm-up still has the peak and the last is "
    "above the floor. At t = total the share of the way is 1.",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return peak * t / warmup
    u = (t - warmup - 1) / (total - warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * u)) / 2


@bank.mistake(
    "rate-ignores-floor",
    says="Your cosine falls to 0. It falls to floor: what shrinks is the distance from it, peak - floor.",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return peak * t / warmup
    return peak * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2


@bank.mistake(
    "rate-adds-floor",
    says="You add floor to a cosine that starts at peak already, so your rate jumps above the peak. What the cosine "
    "multiplies is peak - floor.",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return peak * t / warmup
    return floor + peak * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2


@bank.mistake(
    "rate-warms-up-from-floor",
    says="Your warm-up starts from floor. It starts from nothing: step t has peak * t / warmup, and floor plays no "
    "part.",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return floor + (peak - floor) * t / warmup
    return floor + (peak - floor) * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2


@bank.mistake(
    "rate-whole-cosine",
    says="Your cosine makes a whole turn and ends at the peak again. The way down is half a turn, from 0 to pi.",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return peak * t / warmup
    return floor + (peak - floor) * (1 + math.cos(2 * math.pi * (t - warmup) / (total - warmup))) / 2


@bank.mistake(
    "rate-falls-in-a-line",
    says="Your rate falls along a line. It falls along half a cosine, slowly at both ends.",
    fails=["learning_rate_visible", "learning_rate_hidden"],
)
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return peak * t / warmup
    return peak + (floor - peak) * (t - warmup) / (total - warmup)


@bank.variation("rate-by-squared-cosine")
def learning_rate(t, peak, warmup, total, floor=0.0):
    if t <= warmup:
        return t * (peak / warmup)
    return floor + (peak - floor) * np.cos(np.pi / 2 * (t - warmup) / (total - warmup)) ** 2


@bank.variation("rate-with-one-return")
def learning_rate(t, peak, warmup, total, floor=0.0):
    rising = t <= warmup
    u = 0.0 if rising else (t - warmup) / (total - warmup)
    top = peak * min(t, warmup) / warmup if warmup > 0 else peak
    return top if rising else 0.5 * (peak + floor) + 0.5 * (peak - floor) * np.cos(np.pi * u)


# 11 · train_step


@bank.mistake(
    "step-no-clipping",
    says="You do not clip the gradient. Where its length over all weights is above clip, it is scaled down to that "
    "length before the moments see it.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-clips-each-entry",
    says="You clip each entry by itself, which changes the direction of the gradient. Scale all of it by one factor, "
    "clip over its length.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = np.clip(g, -clip, clip)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-scales-up",
    says="You scale every gradient to the length clip, short ones too. A gradient shorter than clip stays as it is.",
    fails=["train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * clip / (np.linalg.norm(g) + 1e-300)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-clips-by-squared-length",
    says="You compare and divide by the square of the gradient's length. The length is the root of the sum of the "
    "squares.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.sum(g**2), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-clips-first-moment-only",
    says="Your second moment sees the gradient before it was clipped. Clip first; both moments know the clipped "
    "gradient alone.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    v = beta2 * v + (1 - beta2) * g**2
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-without-correction",
    says="You leave the bias correction out. The moments start at zero and are too small at first: divide them by 1 - "
    "beta1**t and 1 - beta2**t.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return w - lr * weight_decay * w - lr * m / (np.sqrt(v) + eps), m, v, loss


@bank.mistake(
    "step-corrects-first-moment-only",
    says="You correct the first moment and not the second. Both start at zero: v is divided by 1 - beta2**t.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return w - lr * weight_decay * w - lr * m / (1 - beta1**t) / (np.sqrt(v) + eps), m, v, loss


@bank.mistake(
    "step-corrects-with-beta",
    says="You correct with 1 - beta at every step. The power is missing: 1 - beta**t, which goes to 1 as the moments "
    "fill.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1) / (np.sqrt(v / (1 - beta2)) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-counts-from-zero",
    says="You count the steps from 0 once more: t is 1 at the first step, so the correction is 1 - beta**t. With t + "
    "1 it is too weak.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1 ** (t + 1)) / (np.sqrt(v / (1 - beta2 ** (t + 1))) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-stores-corrected-moments",
    says="You return the corrected moments, so the next step corrects them again. The correction is for the step "
    "alone; m and v are kept without it.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * g**2) / (1 - beta2**t)
    return w - lr * weight_decay * w - lr * m / (np.sqrt(v) + eps), m, v, loss


@bank.mistake(
    "step-eps-inside-root",
    says="You add eps inside the square root. Here it is added to the root: sqrt(v_hat) + eps.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-without-square",
    says="Your second moment averages the gradient, not its square.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g
    step = m / (1 - beta1**t) / (np.sqrt(np.abs(v) / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-coupled-decay",
    says="You add the decay to the gradient, so it passes through Adam's fraction and weights with large slopes "
    "hardly decay. Take lr * weight_decay * w off apart from it: that is the W in AdamW.",
    fails=["train_step_visible", "train_step_hidden"],
    reference="Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019), algorithm 2, the line in the "
    "other colour.",
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300)) + weight_decay * w
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * step, m, v, loss


@bank.mistake(
    "step-decay-grows",
    says="Your decay makes the weights grow: it has the wrong sign.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w + lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-decay-without-rate",
    says="Your decay leaves the learning rate out. Each weight loses lr * weight_decay times its value.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-decays-new-weights",
    says="You take the decay from the weights after Adam's step. It is a share of what they were before it.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    w = w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w, m, v, loss


@bank.mistake(
    "step-climbs",
    says="Your step goes up the slope: Adam's fraction is subtracted from the weights, not added.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w + lr * step, m, v, loss


@bank.mistake(
    "step-moments-undampened",
    says="Your moments add the whole gradient, as momentum does in chapter 4. Adam's are averages: the new part "
    "enters with 1 - beta1 and 1 - beta2.",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m = beta1 * m + g
    v = beta2 * v + g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.mistake(
    "step-in-place",
    says="Your numbers are right, but *= and -= change the caller's arrays. Make new ones: m = beta1 * m + ...",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    g = g * min(1.0, clip / max(np.linalg.norm(g), 1e-300))
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    w -= lr * weight_decay * w
    w -= lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w, m, v, loss


@bank.mistake(
    "step-clips-in-place",
    says="Your numbers are right, but g *= ... changes the array that loss_and_grad returned, which is not yours. Make "
    "a new one: g = g * (clip / length).",
    fails=["train_step_visible", "train_step_hidden"],
)
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    length = np.linalg.norm(g)
    if length > clip:
        g *= clip / length
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w - lr * weight_decay * w - lr * step, m, v, loss


@bank.variation("step-in-the-order-of-pytorch")
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    norm = np.linalg.norm(g)
    if norm > clip:
        g = clip * g / norm
    w = w * (1 - lr * weight_decay)
    m = m + (g - m) * (1 - beta1)
    v = v * beta2 + g * g * (1 - beta2)
    correction1, correction2 = 1 - beta1**t, 1 - beta2**t
    w = w - (lr / correction1) * m / (np.sqrt(v) / math.sqrt(correction2) + eps)
    return w, m, v, loss


@bank.variation("step-weight-by-weight")
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    loss, g = loss_and_grad(w, batch)
    length = math.sqrt(sum(slope**2 for slope in g))
    shrink = clip / length if length > clip else 1.0
    decay = np.zeros(len(w)) + weight_decay
    new_w, new_m, new_v = np.zeros(len(w)), np.zeros(len(w)), np.zeros(len(w))
    for i in range(len(w)):
        new_m[i] = beta1 * m[i] + (1 - beta1) * shrink * g[i]
        new_v[i] = beta2 * v[i] + (1 - beta2) * (shrink * g[i]) ** 2
        step = new_m[i] / (1 - beta1**t) / (math.sqrt(new_v[i] / (1 - beta2**t)) + eps)
        new_w[i] = w[i] - lr * decay[i] * w[i] - lr * step
    return new_w, new_m, new_v, loss


@bank.variation("step-copies-and-works-in-place")
def train_step(w, m, v, t, loss_and_grad, batch, lr, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, clip=1.0):
    w, m, v = w.copy(), m.copy(), v.copy()
    loss, g = loss_and_grad(w, batch)
    g = g / max(1.0, np.sqrt(np.sum(g**2)) / clip)
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    w -= lr * weight_decay * w
    w -= lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w, m, v, loss


# 12 · generate


@bank.mistake(
    "writes-with-temperature-multiplied",
    says="You multiply the scores by the temperature. They are divided by it: a small temperature makes large "
    "differences, and so a careful writer.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)
        p = np.exp((logits - logits.max()) * temperature)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-without-temperature",
    says="Your temperature has no effect on the draw. Divide the scores by it before the softmax; dividing the "
    "probabilities and bringing them back to the sum 1 changes nothing.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)
        p = np.exp(logits - logits.max()) / temperature
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-without-softmax",
    says="You draw in proportion to the scores themselves. Scores are logarithms, and can be negative: a softmax "
    "makes probabilities of them.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        p = (logits - logits.min()) / temperature + 1e-12
        if top_k is not None and top_k < len(logits):
            p = np.where(logits >= np.sort(logits)[-top_k], p, 0)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-the-likeliest-only",
    says="You always take the token with the largest score. That is temperature 0; otherwise the token is drawn, with "
    "the probabilities of the softmax.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        tokens.append(int(logits.argmax()))
    return np.array(tokens)


@bank.mistake(
    "writes-from-the-beginning-of-the-text",
    says="Of a text longer than the context you show the model the beginning. What comes next depends on the end: the "
    "last `context` tokens.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[:context])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)
        p = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-beyond-the-context",
    says="You show the model the whole text. It can read `context` tokens at most: show it the last ones.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens)), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)
        p = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-from-the-last-token-alone",
    says="You show the model one token, the last. That makes a bigram model of it: show it all that it can read.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-1:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)
        p = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-without-the-prompt",
    says="You return the new tokens alone. The result is the prompt and what was appended to it.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)
        p = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens[len(prompt) :], dtype=int)


@bank.mistake(
    "writes-up-to-count-in-all",
    says="You stop when the whole text has `count` tokens. That many are appended to the prompt.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    while len(tokens) < count:
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)
        p = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-with-the-worst-candidates",
    says="Your top_k keeps the tokens with the smallest scores. Keep those with the largest.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits <= np.sort(logits)[top_k - 1], logits, -np.inf)
        p = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-ignoring-top-k",
    says="You ignore top_k. Where it is a number, only that many tokens, those with the largest scores, can be drawn.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        p = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-with-candidates-out-at-zero",
    says="You give the candidates that are out the score 0. That is no low score: e**0 is 1. Give them minus infinity.",
    fails=["generate_visible", "generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, 0.0)
        p = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    return np.array(tokens)


@bank.mistake(
    "writes-with-overflow",
    says="Your softmax overflows for large scores, or for small temperatures. Take the largest score off before "
    "np.exp; the probabilities do not change.",
    fails=["generate_hidden"],
)
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    tokens = list(prompt)
    for _ in range(count):
        logits = np.asarray(next_logits(np.array(tokens[-context:])), dtype=float)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        if top_k is not None and top_k < len(logits):
            logits = np.where(logits >= np.sort(logits)[-top_k], logits, -np.inf)
        with np.errstate(all="ignore"):
            p = np.exp(logits / temperature)
            p = p / p.sum()
        tokens.append(int(rng.choice(len(p), p=p)))
    return np.array(tokens)


@bank.variation("writes-into-one-array")
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    n = len(prompt)
    text = np.zeros(n + count, dtype=int)
    text[:n] = prompt
    for i in range(n, n + count):
        scores = np.array(next_logits(text[max(0, i - context) : i]), dtype=np.float64)
        if temperature == 0:
            text[i] = np.argmax(scores)
        else:
            if top_k is not None:
                out = np.argsort(scores)[: max(0, len(scores) - top_k)]
                scores[out] = -np.inf
            scores = scores / temperature
            chances = np.exp(scores - scores.max())
            text[i] = rng.choice(len(chances), p=chances / chances.sum())
    return text


@bank.variation("writes-by-concatenation-and-renormalises")
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    for _ in range(count):
        scores = np.asarray(next_logits(prompt[-context:]), dtype=float)
        if temperature == 0:
            chosen = int(np.argmax(scores))
        else:
            shifted = (scores - scores.max()) / temperature
            chances = np.exp(shifted - np.log(np.exp(shifted).sum()))
            if top_k is not None and top_k < len(chances):
                chances[np.argsort(-scores)[top_k:]] = 0
            chances = chances / chances.sum()
            chosen = rng.choice(np.arange(len(chances)), p=chances)
        prompt = np.concatenate([prompt, [chosen]])
    return prompt


@bank.variation("writes-by-inverting-the-distribution")
def generate(next_logits, prompt, count, context, rng, temperature=1.0, top_k=None):
    text = [int(token) for token in prompt]
    for _ in range(count):
        scores = [float(score) for score in next_logits(np.array(text[-context:]))]
        best = sorted(range(len(scores)), key=lambda token: -scores[token])
        if temperature == 0:
            text.append(scores.index(max(scores)))
            continue
        allowed = set(best[:top_k]) if top_k else set(best)
        parts = [
            math.exp((score - max(scores)) / temperature) if token in allowed else 0.0
            for token, score in enumerate(scores)
        ]
        steps = np.cumsum(parts) / sum(parts)
        text.append(int(np.searchsorted(steps / steps[-1], rng.random(), side="right")))
    return np.array(text)
