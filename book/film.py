"""The training of two Transformers as a film, for the interactive figure `transformer`: computed, not written by hand.

Some steps of a run are looked at: where each head looks, what the model says, how good it is. The page that has the
figure puts `html()` into its output; the figure reads it there.
"""

from __future__ import annotations

import json

import numpy as np

from book import runs

key = runs.key

WORD = "transformers"
LINE = "    for name in self.ite"
# The first hundred steps of the exercise's run, in which everything happens: its warm-up is as long.
REVERSAL_FRAMES = (0, 10, 20, 30, 35, 40, 45, 50, 55, 60, 80, 100)
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
LETTERS = "abcdefghijklmnopqrstuvwxyz>"


@runs.kept
def reversal_start(steps: tuple[int, ...]) -> dict[int, np.ndarray]:
    """{step: weights} of the first steps of `runs.reversal_run`."""
    rng = np.random.default_rng(6)
    frames = {0: key.initial_weights(runs.REVERSAL_MODEL)}

    def look(t, w, losses):
        if t in steps:
            frames[t] = w

    key.train(
        frames[0],
        lambda w, batch: key.loss_and_grad(w, batch, runs.REVERSAL_MODEL, first=runs.LETTERS + 1),
        lambda: key.reversal_windows(32, runs.LETTERS, rng),
        steps[-1],
        3e-3,
        weight_decay=0.01,
        report=look,
        reports=steps[-1],
    )
    return frames


def digits(shares: np.ndarray) -> str:
    """Numbers from 0 to 1 as text, one of 64 digits each, in the order of the array."""
    return "".join(DIGITS[k] for k in np.rint(shares * 63).astype(int).ravel())


def letters(tokens: np.ndarray) -> str:
    return "".join(LETTERS[k] for k in tokens)


def reversal() -> dict:
    """The model that reverses words, on one of them."""
    length, model = runs.LETTERS, runs.REVERSAL_MODEL
    word = np.array([LETTERS.index(letter) for letter in WORD])
    window = np.concatenate([word, [len(LETTERS) - 1], word[::-1]])
    test = runs.new_words(400)
    others = test[:5]
    frames = []
    for step, w in reversal_start(REVERSAL_FRAMES).items():
        logits, saved = key.forward(w, window[None, :-1], model)
        answers = key.forward(w, others[:, :-1], model)[0][:, length:].argmax(axis=-1)
        frames.append(
            {
                "step": step,
                "loss": round(float(key.mean_loss(w, test, model, first=length + 1)), 4),
                "right": round(float(runs.right_letters(w, test).all(axis=1).mean()), 4),
                "said": letters(logits[0, length:].argmax(axis=-1)),
                "others": [letters(answer) for answer in answers],
                "maps": [digits(head[length:]) for block in saved.attention for head in block[0]],
            }
        )
    return {
        "tokens": letters(window[:-1]),
        "wanted": WORD[::-1],
        "others": [letters(one[:length]) for one in others],
        "first": length,
        "heads": model.heads,
        "frames": frames,
    }


def text() -> dict:
    """The model of the library, on a line of Python, and what it writes."""
    model, run = runs.TEXT_MODEL, runs.text_run()
    tokens = key.encode(LINE)
    losses = dict(run["held_out"])
    frames = []
    for step, w in run["snapshots"].items():
        logits, saved = key.forward(w, tokens[None, :-1], model)

        def scores(tokens, w=w):
            return key.forward(w, np.asarray(tokens)[None], model)[0][0, -1].astype(float)

        rng = np.random.default_rng(3)
        sample = key.generate(scores, key.encode("\n    def "), 200, model.context, rng, temperature=0.7)
        frames.append(
            {
                "step": step,
                "loss": round(float(losses[step]), 4),
                "said": key.decode(logits[0].argmax(axis=-1)),
                "sample": key.decode(sample)[1:],
                "maps": [digits(head) for block in saved.attention for head in block[0]],
            }
        )
    return {"tokens": LINE[:-1], "wanted": LINE[1:], "first": 0, "heads": model.heads, "frames": frames}


def html() -> str:
    """Both films as a script element that holds data."""
    data = json.dumps({"reversal": reversal(), "text": text()}, separators=(",", ":"))
    return f'<script type="application/json" id="interactive-film">{data.replace("<", chr(92) + "u003c")}</script>'
