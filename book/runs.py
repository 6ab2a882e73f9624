"""The training runs of the chapter transformer: its pages draw them, its tests hold the pages to them.

A run takes seconds to a minute, and several pages look at the same one. So each is kept in `_build/runs`, under a name
that changes with the answer key, with this file, and with the versions of Python and NumPy.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.machinery
import math
import os
import pickle
import platform
import re
import sys
import unittest.mock
from collections import Counter
from pathlib import Path

import numpy as np

import solutions
from autograder.course import Course
from autograder.master import answer_source, read

key = solutions.load("transformer")
key.keep_memory()

CONTEXT = 64
TEXT_MODEL = key.Model(vocabulary=96, context=CONTEXT, width=64, heads=4, layers=2)
TEXT_STEPS, TEXT_BATCH, TEXT_PEAK = 2000, 16, 5e-3
SNAPSHOTS = (0, 20, 100, 300, 1000, 2000)  # steps after which the weights of the text run are kept

LETTERS = 12
REVERSAL_MODEL = key.Model(vocabulary=27, context=2 * LETTERS, width=64, heads=4, layers=2)
REVERSAL_STEPS = 600

# The small model of the comparisons: a run takes a few seconds, so there can be many.
SMALL_CONTEXT, SMALL_BATCH = 32, 16
WORDS = 60_000  # so few that a run of a thousand steps reads them nine times, and rare words come round again


def kept(run):
    """Compute `run(*arguments)` once for each set of arguments, and read it from `_build/runs` after that."""

    @functools.cache
    @functools.wraps(run)
    def read_or_run(*arguments):
        state = (_sources(), platform.python_version(), np.__version__, run.__name__, arguments)
        name = hashlib.sha256(repr(state).encode()).hexdigest()[:16]
        path = Course().root / "_build" / "runs" / f"{run.__name__}-{name}.pickle"
        if path.exists():
            return pickle.loads(path.read_bytes())
        result = run(*arguments)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(pickle.dumps(result))
        unfinished.replace(path)
        return result

    return read_or_run


@functools.cache
def _sources() -> str:
    answers = answer_source(read(Path(key.__file__)))  # without prose and tests
    return answers + Path(__file__).read_text(encoding="utf-8")


# --- the texts --------------------------------------------------------------------------------------------------------


# Of the library, by name, so that every version of Python learns and holds out nearly the same; what a version lacks is
# made up for by the modules that follow in the alphabet.
MODULES = [
    "aifc",
    "argparse",
    "ast",
    "asynchat",
    "asyncore",
    "base64",
    "bdb",
    "bisect",
    "bz2",
    "cProfile",
    "calendar",
    "cgi",
    "cgitb",
    "chunk",
    "cmd",
    "code",
    "codeop",
    "collections",
    "colorsys",
    "compileall",
    "configparser",
    "contextlib",
    "copy",
    "copyreg",
    "crypt",
    "csv",
    "ctypes",
    "curses",
    "dataclasses",
    "datetime",
    "dbm",
    "difflib",
    "dis",
    "encodings",
    "ensurepip",
    "enum",
    "filecmp",
    "fileinput",
]
HELD_OUT = ("cProfile", "compileall", "datetime")
LEARN_SIZE = 890_000  # characters


def _source(name: str) -> str:
    spec = importlib.machinery.PathFinder.find_spec(name, [str(Path(os.__file__).parent)])
    text = spec.loader.get_source(name) if hasattr(spec and spec.loader, "get_source") else None
    return text if text and len(text) > 2_000 else ""


@functools.cache
def modules() -> tuple[list[str], list[str]]:
    """Sources of the standard library's modules: (to learn from, held out)."""
    held_out = [_source(name) or _source(f"_py{name}") for name in HELD_OUT]  # datetime.py is a shell since 3.12
    learn = [_source(name) for name in MODULES if name not in HELD_OUT]
    for name in sorted(sys.stdlib_module_names):
        if name > MODULES[-1] and sum(map(len, learn)) < LEARN_SIZE:
            learn.append(_source(name))
    if not (all(held_out) and sum(map(len, learn)) >= LEARN_SIZE):  # a Python without the source of its library
        texts = key.library_source()
        learn, held_out = [text for i, text in enumerate(texts) if i % 10 != 9], texts[9::10]
    return learn, held_out


@functools.cache
def characters() -> tuple[np.ndarray, np.ndarray]:
    """The library as characters: (to learn from, held out)."""
    learn, held_out = modules()
    return key.encode("".join(learn)), key.encode("".join(held_out))


@functools.cache
def words(vocabulary: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The library as words: (to learn from, held out, count of each word in the former).

    A word is a run of letters, a digit or another sign; space is dropped. Only the first WORDS are learnt from. Word 0
    stands for all that are not among the `vocabulary - 1` most frequent of these; the others are numbered from the most
    frequent down.
    """
    learn, held_out = (
        [word for text in texts for word in re.findall(r"[A-Za-z]+|\d|[^\w\s]|_+", text)] for texts in modules()
    )
    learn = learn[:WORDS]
    place = {word: i for i, (word, _) in enumerate(Counter(learn).most_common(vocabulary - 1), 1)}
    learn, held_out = (np.array([place.get(word, 0) for word in part]) for part in (learn, held_out))
    return learn, held_out, np.bincount(learn, minlength=vocabulary)


def windows_for_test(held_out: np.ndarray, length: int, count: int) -> np.ndarray:
    """`count` windows, evenly spread over a text, (count, length + 1)."""
    every = key.consecutive_windows(held_out, length + 1)
    return every[np.linspace(0, len(every) - 1, min(count, len(every))).astype(int)]


# --- counting ---------------------------------------------------------------------------------------------------------


@kept
def counting(longest: int, weight: float) -> list[tuple[float, float, int]]:
    """Models that count: for contexts of 0, 1, ..., `longest` characters (loss on learn, loss on held out, entries).

    The table for k characters leans on that for k - 1 as if what it says had been seen `weight` times more:
    p(c | context) = (count + weight * p_shorter(c)) / (total + weight). Below all of
    them, each character is equally likely.
    """
    texts, V, results = characters(), TEXT_MODEL.vocabulary, []
    chances = [np.full(len(text), 1 / V) for text in texts]
    contexts = [np.zeros(len(text), dtype=np.int64) for text in texts]
    for k in range(longest + 1):
        if k:  # the context of place i is the number whose digits in base V are the k tokens before i
            contexts = [np.concatenate([np.zeros(k, np.int64), _digits(text, k, V)]) for text in texts]
        pairs = [context * V + text for context, text in zip(contexts, texts, strict=True)]
        totals, counts = (np.unique(of[0][k:], return_counts=True) for of in (contexts, pairs))
        for chance, context, pair in zip(chances, contexts, pairs, strict=True):
            chance[k:] = (_look_up(counts, pair[k:]) + weight * chance[k:]) / (_look_up(totals, context[k:]) + weight)
        results.append((*(float(-np.log(chance[longest:]).mean()) for chance in chances), len(counts[0])))
    return results


def _digits(text: np.ndarray, k: int, base: int) -> np.ndarray:
    """For each place from k on, the k tokens before it as one number, (len(text) - k,)."""
    return sum(text[j : len(text) - k + j] * base ** (k - 1 - j) for j in range(k))


def _look_up(table: tuple[np.ndarray, np.ndarray], wanted: np.ndarray) -> np.ndarray:
    """How often each of `wanted` was counted; 0 for what is not in the table (sorted keys, counts)."""
    keys, counts = table
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, counts[place], 0)


# --- the two tasks ----------------------------------------------------------------------------------------------------


@kept
def text_run() -> dict:
    """The model of the exercise on the library's characters.

    "snapshots": {step: weights}; "losses": loss on the batch of each step; "held_out": [(step, loss on held-out text)].
    """
    learn, held_out = characters()
    test, rng = windows_for_test(held_out, CONTEXT, 400), np.random.default_rng(6)
    w = key.initial_weights(TEXT_MODEL)
    snapshots, measured = {0: w}, [(0, key.mean_loss(w, test, TEXT_MODEL))]

    def look(t, w, losses):
        if t in SNAPSHOTS:
            snapshots[t] = w
        if t in (20, 50) or t % 100 == 0:
            measured.append((t, key.mean_loss(w, test, TEXT_MODEL)))
        if t % 200 == 0:
            print(f"step {t:5}   loss {np.mean(losses[-50:]):.2f}   held out {measured[-1][1]:.2f}", flush=True)

    w, losses = key.train(
        w,
        lambda w, batch: key.loss_and_grad(w, batch, TEXT_MODEL),
        lambda: key.random_windows(learn, TEXT_BATCH, CONTEXT + 1, rng),
        TEXT_STEPS,
        TEXT_PEAK,
        report=look,
        reports=TEXT_STEPS,
    )
    return {"snapshots": snapshots, "losses": np.array(losses), "held_out": measured}


def new_words(count: int = 1000) -> np.ndarray:
    """Words for the test of reversal, (count, 2 * LETTERS + 1), the same every time."""
    return key.reversal_windows(count, LETTERS, np.random.default_rng(7))


def right_letters(w: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Which letters of the answers are the model's likeliest, given the right ones before: (count, LETTERS) of bool."""
    logits, _ = key.forward(w, windows[:, :-1], REVERSAL_MODEL)
    return logits[:, LETTERS:].argmax(axis=-1) == windows[:, LETTERS + 1 :]


@kept
def reversal_run() -> dict:
    """The model of the exercise on words to be reversed.

    "w": weights at the end; "losses": loss on the batch of each step; "right": [(step, share of 1,000 new words that
    come out right letter by letter (LETTERS,), share of whole words)]; "snapshots": {step: weights}.
    """
    rng, test = np.random.default_rng(6), new_words()
    w = key.initial_weights(REVERSAL_MODEL)
    right, snapshots = [], {0: w}

    def look(t, w, losses):
        if t % 20 == 0 or t == 1:
            found = right_letters(w, test)
            right.append((t, found.mean(axis=0), float(found.all(axis=1).mean())))
            if t % 100 == 0:
                snapshots[t] = w
                print(f"step {t:4}   loss {losses[-1]:.3f}   whole words right {right[-1][2]:6.1%}", flush=True)

    w, losses = key.train(
        w,
        lambda w, batch: key.loss_and_grad(w, batch, REVERSAL_MODEL, first=LETTERS + 1),
        lambda: key.reversal_windows(32, LETTERS, rng),
        REVERSAL_STEPS,
        3e-3,
        weight_decay=0.01,
        report=look,
        reports=REVERSAL_STEPS,
    )
    return {"w": w, "losses": np.array(losses), "right": right, "snapshots": snapshots}


# --- comparisons on a small model -------------------------------------------------------------------------------------


def small_model(vocabulary: int, layers: int = 2) -> key.Model:
    return key.Model(vocabulary, SMALL_CONTEXT, 32, 2, layers)


def momentum_step(w, v, loss_and_grad, batch, lr, clip=1.0, beta=0.9):
    """SGD with momentum, with the same clipping as AdamW has: (w, v, loss)."""
    loss, g = loss_and_grad(w, batch)
    length = math.sqrt(g @ g)
    if length > clip:
        g = g * (clip / length)
    v = beta * v + g
    return w - lr * v, v, loss


def sample_text(vocabulary: int) -> tuple[np.ndarray, np.ndarray]:
    """(to learn from, held out): the characters for a vocabulary of 96, words for a larger one."""
    return characters() if vocabulary == 96 else words(vocabulary)[:2]


def start_small(model: key.Model, seed: int) -> np.ndarray:
    """The start of GPT-2: matrices with a spread of 0.02, the last of each branch less, by the root of their number.

    (The start of the exercise gives a matrix the spread 1 / sqrt(rows), here 0.18 and 0.09.)
    """
    w = key.initial_weights(model, seed)
    for name, array in key.unpack(w, model).items():
        if name.endswith(("qkv", "mix", "up", "down")):
            array *= 0.02 * math.sqrt(len(array))
    return w


def train_small(
    vocabulary, method, peak, seed, steps, warmup=60, cosine=True, clip=1.0, weight_decay=0.0, start="scaled"
):
    """Train the small model: {"losses", "lengths" of the gradients before clipping, "w", "held_out" (a loss)}.

    method: "adam" (AdamW of the answer key) or "momentum" (SGD with momentum 0.9). start: "scaled", as in the exercise,
    or "small", as in start_small. A run that is no longer finite ends there; the losses after it are infinite.
    """
    model, (learn, held_out) = small_model(vocabulary), sample_text(vocabulary)
    rng = np.random.default_rng(seed)
    w = key.initial_weights(model, seed) if start == "scaled" else start_small(model, seed)
    m, v = np.zeros_like(w), np.zeros_like(w)
    losses, lengths = np.full(steps, np.inf), np.full(steps, np.inf)

    def slope(w, batch):
        loss, g = key.loss_and_grad(w, batch, model)
        lengths[t - 1] = math.sqrt(g @ g)
        return loss, g

    for t in range(1, steps + 1):
        lr = key.learning_rate(t, peak, warmup, steps) if cosine else peak * min(1.0, t / max(warmup, 1))
        batch = key.random_windows(learn, SMALL_BATCH, SMALL_CONTEXT + 1, rng)
        if method == "adam":
            w, m, v, loss = key.train_step(w, m, v, t, slope, batch, lr, weight_decay=weight_decay, clip=clip)
        else:
            w, v, loss = momentum_step(w, v, slope, batch, lr, clip)
        if not np.isfinite(loss):
            break
        losses[t - 1] = loss
        w, m, v = (array.astype(np.float32, copy=False) for array in (w, m, v))
    test = windows_for_test(held_out, SMALL_CONTEXT, 200)
    return {"losses": losses, "lengths": lengths, "w": w, "held_out": key.mean_loss(w, test, model)}


small_run = kept(train_small)


# --- gradients with a fault -------------------------------------------------------------------------------------------


def _norm_frozen(dout, normalised, inverse_std, gain):
    """As if mean and deviation of a row did not depend on the row."""
    _, dgain, dbias = RIGHT["layer_norm_backward"](dout, normalised, inverse_std, gain)
    return dout * gain * inverse_std, dgain, dbias


def _shares_apart(dout, q, k, v, weights):
    """As if the shares of one query did not add up to 1."""
    dscores = weights * (dout @ v.swapaxes(-1, -2)) * q.shape[-1] ** -0.5
    return dscores @ k, dscores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ dout


def _unscaled(dout, q, k, v, weights):
    """The root of d forgotten on the way back."""
    dq, dk, dv = RIGHT["causal_attention_backward"](dout, q, k, v, weights)
    return dq * q.shape[-1] ** 0.5, dk * q.shape[-1] ** 0.5, dv


def _last_one_counts(dx, tokens, dtable):
    """Of a character that stands in several places only the last is heard."""
    looked_up = np.zeros_like(dtable)
    looked_up[tokens.ravel()] = dx
    return dtable + looked_up


def _no_shortcut(dout, branches):
    """The slope passes through the branches and not beside them."""
    for branch in reversed(branches):
        dout = branch(dout)
    return dout


RIGHT = {
    name: getattr(key, name)
    for name in ("layer_norm_backward", "causal_attention_backward", "embedding_backward", "residual_backward")
}
FAULTS = {
    "none": {},
    "layer norm: mean and deviation taken as fixed": {"layer_norm_backward": _norm_frozen},
    "attention: shares do not add up to 1": {"causal_attention_backward": _shares_apart},
    "attention: root of d forgotten": {"causal_attention_backward": _unscaled},
    "embedding: assigned, not added": {"embedding_backward": _last_one_counts},
    "residual: shortcut forgotten": {"residual_backward": _no_shortcut},
}


@contextlib.contextmanager
def planted(fault: str):
    """The model with a fault in its way back, for the time of a `with`."""
    with contextlib.ExitStack() as stack:
        for name, wrong in FAULTS[fault].items():
            stack.enter_context(unittest.mock.patch.object(key, name, wrong))
        yield


@kept
def faulty_run(fault: str) -> float:
    """The held-out loss of the small model after 400 steps with a fault in its gradient."""
    with planted(fault):
        return train_small(96, "adam", 1e-2, 0, 400)["held_out"]


def gradient_errors(fault: str) -> dict[str, float]:
    """How wrong the gradient of each parameter array is, relative to its size, in a small model in float64."""
    model = key.Model(vocabulary=11, context=9, width=12, heads=3, layers=2)
    rng = np.random.default_rng(4)
    w = key.initial_weights(model, dtype=np.float64)
    w += 0.1 * rng.standard_normal(w.size)
    windows = rng.integers(0, model.vocabulary, (4, 10))
    with planted(fault):
        claimed = key.unpack(key.loss_and_grad(w, windows, model)[1], model)
    errors = {}
    for name, array in key.unpack(w, model).items():  # views of w
        direction, before = rng.standard_normal(array.shape), array.copy()
        direction /= np.linalg.norm(direction)
        losses = []
        for step in (1e-5, -1e-5):
            array[:] = before + step * direction
            losses.append(key.loss_and_grad(w, windows, model)[0])
        array[:] = before
        measured, promised = (losses[0] - losses[1]) / 2e-5, (claimed[name] * direction).sum()
        errors[name] = abs(measured - promised) / max(abs(measured), abs(promised))
    return errors


# --- the recipe, with one ingredient left out -------------------------------------------------------------------------

PEAKS = (3e-3, 1e-2, 3e-2, 1e-1)


def rates(warmup: int, *cosine: bool) -> np.ndarray:
    """Held-out loss after 400 steps for each of PEAKS and two seeds, (4, 2)."""
    runs = [[small_run(96, "adam", peak, seed, 400, warmup, *cosine) for seed in (0, 1)] for peak in PEAKS]
    return np.array([[run["held_out"] for run in row] for row in runs])


@kept
def spoilt_run(method: str, peak: float, clip: float) -> tuple[np.ndarray, np.ndarray]:
    """400 steps, of which the 200th sees a gradient 1,000 times too long: (losses, lengths of the gradients)."""
    right, calls = key.loss_and_grad, []

    def spoilt(w, windows, model):
        loss, g = right(w, windows, model)
        calls.append(loss)
        return loss, g * 1000 if len(calls) == 200 else g

    with unittest.mock.patch.object(key, "loss_and_grad", spoilt):
        run = train_small(96, method, peak, 0, 400, clip=clip)
    return run["losses"], run["lengths"]


@kept
def repeated_run(weight_decay: float) -> tuple[list[tuple[int, float]], float]:
    """1,000 steps on 20,000 characters, seen 25 times over: ([(step, held-out loss)], length of the last weights)."""
    learn, held_out = characters()
    model, rng = small_model(96), np.random.default_rng(0)
    test, measured = windows_for_test(held_out, SMALL_CONTEXT, 200), []
    w, _ = key.train(
        key.initial_weights(model),
        lambda w, batch: key.loss_and_grad(w, batch, model),
        lambda: key.random_windows(learn[:20_000], SMALL_BATCH, SMALL_CONTEXT + 1, rng),
        1000,
        1e-2,
        weight_decay=weight_decay,
        report=lambda t, w, _: measured.append((t, key.mean_loss(w, test, model))),
        reports=20,
    )
    return measured, float(np.linalg.norm(w))


# --- SGD against Adam -------------------------------------------------------------------------------------------------

TIE = 0.03  # nats
GRIDS = {"adam": (3e-3, 1e-2, 3e-2), "momentum": (0.1, 0.3, 1.0)}
TASKS = {  # vocabulary, steps, start, seeds
    "characters": (96, 800, "small", 3),
    "words": (1000, 1000, "small", 3),
    "characters, scaled start": (96, 800, "scaled", 1),
}


def tuned(task: str, method: str) -> dict:
    """Try each rate of the grid with seed 0, keep the best by the loss at the end, and repeat it with the other seeds.

    Rates within TIE of the lowest loss count as equal, and the smallest of them is kept: so near its border the outcome
    of a large rate is decided by rounding, and differs from machine to machine and from seed to seed.

    "by_rate": {rate: loss}; "rate": the best; "runs": what train_small returned, a seed each; "ends": their losses at
    the end. The loss at the end is the mean over the last 100 batches of training.
    """
    vocabulary, steps, start, seeds = TASKS[task]

    def run(rate, seed):
        return small_run(vocabulary, method, rate, seed, steps, steps // 10, True, 1.0, 0.0, start)

    by_rate = {rate: at_the_end(run(rate, 0)) for rate in GRIDS[method]}
    rate = min(rate for rate, loss in by_rate.items() if loss < min(by_rate.values()) + TIE)
    found = [run(rate, seed) for seed in range(seeds)]
    return {"by_rate": by_rate, "rate": rate, "runs": found, "ends": np.array([at_the_end(one) for one in found])}


def at_the_end(run: dict) -> float:
    return float(run["losses"][-100:].mean())


@kept
def by_frequency(method: str, groups: int = 5) -> np.ndarray:
    """Mean loss of the tuned model of words on 300 windows that it learnt from, by how frequent the right word is.

    The words are sorted from the most frequent down and cut into `groups` so that each makes up about the same share of
    the text. Word 0, all the others, is left out. Returns (groups,), a mean over the seeds.
    """
    vocabulary = TASKS["words"][0]
    learn, _, counts = words(vocabulary)
    share = np.cumsum(counts[1:]) / counts[1:].sum()
    group = np.concatenate([[-1], np.minimum((share - counts[1:] / counts[1:].sum() / 2) * groups, groups - 1)])
    windows = windows_for_test(learn, SMALL_CONTEXT, 300)
    model, found = small_model(vocabulary), []
    for run in tuned("words", method)["runs"]:
        logits, _ = key.forward(run["w"], windows[:, :-1], model)
        top = logits.max(axis=-1, keepdims=True)
        right = np.take_along_axis(logits, windows[:, 1:, None], axis=-1)
        loss = (np.log(np.exp(logits - top).sum(axis=-1, keepdims=True)) + top - right)[..., 0]
        belongs = group.astype(int)[windows[:, 1:]]
        found.append([loss[belongs == g].mean() for g in range(groups)])
    return np.mean(found, axis=0)


def frequency_groups(groups: int = 5) -> list[int]:
    """How many words each group of by_frequency has."""
    counts = words(TASKS["words"][0])[2][1:]
    share = (np.cumsum(counts) - counts / 2) / counts.sum()
    return np.bincount(np.minimum(share * groups, groups - 1).astype(int), minlength=groups).tolist()


# --- few bits ---------------------------------------------------------------------------------------------------------


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """float32 rounded to the nearest number that bfloat16 has: the upper 16 of the 32 bits, ties to even."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32)


@kept
def rounded_run(master: bool) -> float:
    """Held-out loss after 400 steps at 1e-3 with gradients at weights in bfloat16; with or without a float32 copy."""
    learn, held_out = characters()
    model, rng = small_model(96), np.random.default_rng(0)
    w = key.initial_weights(model, 0)
    m, v = np.zeros_like(w), np.zeros_like(w)

    def slope(w, batch):
        loss, g = key.loss_and_grad(to_bfloat16(w), batch, model)
        return loss, to_bfloat16(g)

    for t in range(1, 401):
        batch = key.random_windows(learn, SMALL_BATCH, SMALL_CONTEXT + 1, rng)
        lr = key.learning_rate(t, 1e-3, 60, 400)
        w, m, v, _ = key.train_step(w, m, v, t, slope, batch, lr, weight_decay=0.0)
        w, m, v = (array.astype(np.float32, copy=False) for array in (w, m, v))
        if not master:
            w = to_bfloat16(w)
    return key.mean_loss(to_bfloat16(w), windows_for_test(held_out, SMALL_CONTEXT, 200), model)
