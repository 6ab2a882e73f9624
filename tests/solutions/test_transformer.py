"""The answer key of transformer against PyTorch and differences, its causality, and the two tasks of the notebook."""

import json
import math
import platform
import re
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import solutions
from autograder.course import Course
from autograder.master import read

ORACLE = json.loads((Path(__file__).parent / "oracle" / "transformer.json").read_text(encoding="utf-8"))["cases"]
MASTER = read(Course().master("transformer"))
PROSE = re.sub(r"\s+", " ", "\n".join(cell.source for cell in MASTER.cells if cell.cell_type == "markdown"))


@pytest.fixture(scope="module")
def key():
    return solutions.load("transformer")


@pytest.fixture(scope="module")
def tiny(key):
    """The model of the stored gradients."""
    return key.Model(vocabulary=7, context=5, width=4, heads=2, layers=2)


def oracle(case):
    return {name: np.array(value) for name, value in ORACLE[case].items()}


def waves(*shape, scale=1.0, start=1):
    """The inputs of the stored cases."""
    return scale * np.sin(np.arange(start, start + math.prod(shape), dtype=float)).reshape(shape)


def windows_of(count, seed, model):
    length = model.context + 1
    return (np.arange(count * length).reshape(count, length) + seed) ** 2 % model.vocabulary


def start_of(model, key):
    return waves(sum(map(math.prod, key.parameter_shapes(model).values())), scale=0.5)


def agrees(found, stored):
    np.testing.assert_allclose(found, stored, rtol=1e-10, atol=1e-13)


# Every layer against PyTorch


def test_layer_norm_is_pytorchs(key):
    stored = oracle("layer_norm")
    gain = waves(6, start=50)
    out, normalised, inverse_std = key.layer_norm(waves(4, 6, scale=3), gain, waves(6, start=70))
    agrees(out, stored["out"])
    slopes = key.layer_norm_backward(waves(4, 6, start=90), normalised, inverse_std, gain)
    for found, name in zip(slopes, ("dx", "dgain", "dbias"), strict=True):
        agrees(found, stored[name])


@pytest.mark.parametrize("case, scale", [("attention", 1.0), ("attention_extreme", 60.0)])
def test_attention_is_pytorchs(key, case, scale):
    stored, shape = oracle(case), (2, 2, 4, 3)
    q, k, v = waves(*shape, scale=scale), waves(*shape, scale=scale, start=60), waves(*shape, start=130)
    out, weights = key.causal_attention(q, k, v)
    agrees(out, stored["out"])
    slopes = key.causal_attention_backward(waves(*shape, start=200), q, k, v, weights)
    for found, name in zip(slopes, ("dq", "dk", "dv"), strict=True):
        np.testing.assert_allclose(found, stored[name], rtol=1e-9, atol=1e-11)


def test_gelu_is_pytorchs(key):
    stored, x = oracle("gelu"), waves(4, 6, scale=4)
    out, tanh = key.gelu(x)
    agrees(out, stored["out"])
    agrees(key.gelu_backward(waves(4, 6, start=90), x, tanh), stored["dx"])


def test_the_loss_is_pytorchs(key):
    stored = oracle("next_token")
    loss, dlogits = key.next_token_loss(waves(3, 5, 6, scale=4), stored["window"], first=3)
    agrees(loss, stored["loss"])
    agrees(dlogits, stored["dlogits"])


def test_the_embedding_is_pytorchs(key):
    stored = oracle("embedding")
    agrees(key.embedding_backward(waves(6, 3, start=20), stored["tokens"], waves(5, 3, start=40)), stored["total"])


def test_the_whole_model_is_pytorchs(key, tiny):
    stored, w, windows = oracle("model"), start_of(tiny, key), windows_of(3, 1, tiny)
    agrees(key.forward(w, windows[:, :-1], tiny)[0], stored["logits"])
    loss, g = key.loss_and_grad(w, windows, tiny, first=2)
    agrees(loss, stored["loss"])
    agrees(g, stored["g"])


def test_five_steps_of_training_are_pytorchs(key, tiny):
    stored, w = oracle("training"), start_of(tiny, key)
    m, v, losses = np.zeros_like(w), np.zeros_like(w), []
    slope = partial(key.loss_and_grad, model=tiny)
    options = {"beta1": 0.9, "beta2": 0.95, "eps": 1e-6, "weight_decay": 0.2, "clip": 0.5}
    for t in range(1, 6):
        w, m, v, loss = key.train_step(w, m, v, t, slope, windows_of(4, 10 * t, tiny), 0.02 * t, **options)
        losses.append(loss)
    agrees(losses, stored["losses"])
    np.testing.assert_allclose(w, stored["w"], rtol=1e-8, atol=1e-10)
    assert max(stored["lengths"]) > 0.5, "no step was clipped"


# Every layer against differences


def relative_error(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(a) + np.abs(b))


def differences(f, x, eps=1e-5):
    slopes = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        nudge = np.zeros(x.shape)
        nudge[index] = eps
        slopes[index] = (f(x + nudge) - f(x - nudge)) / (2 * eps)
    return slopes


def layers(key):
    """name -> (function of some arrays, the arrays, function of the upstream gradient that gives their gradients)"""
    rng = np.random.default_rng(61)
    x, gain, bias = rng.standard_normal((5, 6)), rng.standard_normal(6), rng.standard_normal(6)
    q, k, v = rng.standard_normal((3, 2, 3, 4, 2))
    tokens, window = rng.integers(0, 4, (2, 3)), rng.integers(0, 6, (2, 5))
    p = {"layer": rng.standard_normal((6, 3)), "layer_bias": rng.standard_normal(3)}
    jacobians = rng.standard_normal((3, 6, 6))

    def linear_backward(dout):
        grads = {name: np.empty_like(array) for name, array in p.items()}
        return key.linear_backward(dout, x, p, grads, "layer"), grads["layer"], grads["layer_bias"]

    def chain(x):
        for jacobian in jacobians:
            x = x + np.tanh(x @ jacobian.T)
        return x

    def chain_backward(dout):
        branches, point = [], x
        for jacobian in jacobians:
            inner = np.tanh(point @ jacobian.T)
            branches.append(lambda d, inner=inner, jacobian=jacobian: (d * (1 - inner**2)) @ jacobian)
            point = point + inner
        return (key.residual_backward(dout, branches),)

    return {
        "layer_norm": (
            lambda x, gain, bias: key.layer_norm(x, gain, bias)[0],
            (x, gain, bias),
            lambda dout: key.layer_norm_backward(dout, *key.layer_norm(x, gain, bias)[1:], gain),
        ),
        "attention": (
            lambda q, k, v: key.causal_attention(q, k, v)[0],
            (q, k, v),
            lambda dout: key.causal_attention_backward(dout, q, k, v, key.causal_attention(q, k, v)[1]),
        ),
        "split_heads": (lambda x: key.split_heads(x, 5, 3), (x,), lambda dout: (key.merge_heads(dout),)),
        "merge_heads": (key.merge_heads, (q,), lambda dout: (key.split_heads(dout, 2, 3),)),
        "embedding": (
            lambda table: table[tokens.ravel()],
            (rng.standard_normal((4, 3)),),
            lambda dout: (key.embedding_backward(dout, tokens, np.zeros((4, 3))),),
        ),
        "next_token_loss": (
            lambda logits: np.array(key.next_token_loss(logits, window, 2)[0]),
            (3 * waves(2, 4, 6),),
            lambda dout: (dout * key.next_token_loss(3 * waves(2, 4, 6), window, 2)[1],),
        ),
        "linear": (
            lambda x, W, b: key.linear(x, {"layer": W, "layer_bias": b}, "layer"),
            (x, p["layer"], p["layer_bias"]),
            linear_backward,
        ),
        "gelu": (
            lambda x: key.gelu(x)[0],
            (2 * x,),
            lambda dout: (key.gelu_backward(dout, 2 * x, key.gelu(2 * x)[1]),),
        ),
        "residual": (chain, (x,), chain_backward),
    }


@pytest.mark.parametrize("name", layers(solutions.load("transformer")))
def test_a_layer_agrees_with_differences(key, name):
    forward, inputs, backward = layers(key)[name]
    upstream = np.random.default_rng(62).standard_normal(forward(*inputs).shape)
    for i, (found, at) in enumerate(zip(backward(upstream), inputs, strict=True)):

        def loss(array, i=i):
            return np.sum(upstream * forward(*inputs[:i], array, *inputs[i + 1 :]))

        assert np.shape(found) == at.shape
        assert relative_error(found, differences(loss, at)) <= 1e-7


def test_every_weight_of_the_model_agrees_with_differences(key, tiny):
    w, windows = start_of(tiny, key), windows_of(3, 4, tiny)
    _, g = key.loss_and_grad(w, windows, tiny, first=2)
    nudged = differences(lambda w: key.loss_and_grad(w, windows, tiny, first=2)[0], w)
    for name, found in key.unpack(g, tiny).items():
        expected = key.unpack(nudged, tiny)[name]
        # A bias of the keys shifts all scores of a query alike, so its slope is 0 and has no size of its own.
        assert np.max(np.abs(found - expected)) <= 1e-7 * max(np.max(np.abs(found)), 1e-3), name
    assert relative_error(g, nudged) <= 1e-7


# Causality


def test_a_later_token_never_changes_an_earlier_output(key):
    model = key.Model(vocabulary=11, context=12, width=12, heads=3, layers=3)
    rng = np.random.default_rng(63)
    w = key.initial_weights(model, dtype=np.float64) + 0.3 * rng.standard_normal(
        sum(map(math.prod, key.parameter_shapes(model).values()))
    )
    tokens = rng.integers(0, 11, (4, 12))
    logits, _ = key.forward(w, tokens, model)
    for place in range(1, 12):
        changed = tokens.copy()
        changed[:, place:] = (changed[:, place:] + rng.integers(1, 11, (4, 12 - place))) % 11
        after, _ = key.forward(w, changed, model)
        np.testing.assert_allclose(after[:, :place], logits[:, :place], rtol=1e-12, atol=1e-12)
        assert np.all(np.abs(after[:, place] - logits[:, place]).max(axis=-1) > 1e-6), "what changed has an effect"
        short, _ = key.forward(w, tokens[:, :place], model)  # what is cut off is as good as what is masked
        np.testing.assert_allclose(short, logits[:, :place], rtol=1e-12, atol=1e-12)


def test_sequences_of_a_batch_know_nothing_of_one_another(key, tiny):
    w, tokens = start_of(tiny, key), windows_of(3, 1, tiny)[:, :-1]
    together, _ = key.forward(w, tokens, tiny)
    for i in range(3):
        np.testing.assert_allclose(key.forward(w, tokens[i : i + 1], tiny)[0][0], together[i], rtol=1e-12)


# The rest of what the notebook provides


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_everything_has_the_type_of_the_weights(key, tiny, kind):
    w, windows = start_of(tiny, key).astype(kind), windows_of(3, 1, tiny)
    logits, saved = key.forward(w, windows[:, :-1], tiny)
    loss, dlogits = key.next_token_loss(logits, windows)
    g = key.backward(dlogits, saved, tiny)
    after = key.train_step(w, 0 * w, 0 * w, 1, partial(key.loss_and_grad, model=tiny), windows, 1e-3)
    assert {array.dtype for array in (logits, dlogits, g, *saved.attention, *after[:3])} == {np.dtype(kind)}
    assert type(loss) is float
    assert key.initial_weights(tiny, dtype=kind).dtype == kind


def test_answers_in_double_precision_leave_the_model_in_single(key, tiny):
    """np.sqrt(d) of a whole number is a float64, and a student's layers may be made of it."""

    def doubled(function):
        return lambda *arrays: function(*[np.asarray(array, dtype=float) for array in arrays])

    namespace = dict(vars(key))
    glue = "\n\n".join(cell.source for cell in MASTER.cells if cell.is_provided)
    exec(glue, namespace)
    for name in ("layer_norm", "layer_norm_backward", "causal_attention", "causal_attention_backward"):
        namespace[name] = doubled(namespace[name])
    w = start_of(tiny, key).astype(np.float32)
    windows = windows_of(3, 1, tiny)
    logits, saved = namespace["forward"](w, windows[:, :-1], namespace["Model"](*tiny))
    g = namespace["backward"](logits, saved, tiny)
    assert logits.dtype == g.dtype == np.float32
    np.testing.assert_allclose(logits, key.forward(w, windows[:, :-1], tiny)[0], rtol=1e-4, atol=1e-5)


def test_nothing_is_changed_in_place(key, tiny):
    w, windows = start_of(tiny, key), windows_of(3, 1, tiny)
    before = w.copy(), windows.copy()
    logits, saved = key.forward(w, windows[:, :-1], tiny)
    kept = [logits.copy(), *(weights.copy() for weights in saved.attention)]
    first = key.backward(key.next_token_loss(logits, windows)[1], saved, tiny)
    again = key.backward(key.next_token_loss(logits, windows)[1], saved, tiny)
    np.testing.assert_array_equal(first, again)
    for now, then in zip((w, windows, logits, *saved.attention), (*before, *kept), strict=True):
        np.testing.assert_array_equal(now, then)


def test_the_model_refuses_more_than_its_context(key, tiny):
    with pytest.raises(ValueError, match="at most 5 tokens; found 6"):
        key.forward(start_of(tiny, key), windows_of(2, 1, tiny), tiny)


def test_the_loss_at_birth_is_log_v(key):
    model = key.Model(vocabulary=96, context=64, width=64, heads=4, layers=2)
    windows = np.random.default_rng(64).integers(0, 96, (4, 65))
    for seed in range(3):
        w = key.initial_weights(model, seed)
        assert w.size == 110_336
        assert abs(key.mean_loss(w, windows, model) - math.log(96)) < 0.02
    assert not np.array_equal(key.initial_weights(model, 0), key.initial_weights(model, 1))


def test_the_schedule_is_that_of_chapter_3(key):
    other = solutions.load("sgd").cosine_with_warmup
    for t in range(1, 31):
        assert math.isclose(
            key.learning_rate(t, 0.3, 7, 30, 0.02), other(t - 1, 0.3, 7, 30, lr_min=0.02), rel_tol=1e-12
        )


def test_windows_and_the_mean_loss(key, tiny):
    tokens = np.arange(23) % 7
    cut = key.consecutive_windows(tokens, 6)
    assert cut.shape == (4, 6)
    np.testing.assert_array_equal(np.concatenate([tokens[:1], cut[:, 1:].ravel()]), tokens[:21])
    drawn = key.random_windows(np.arange(9), 500, 6, np.random.default_rng(65))
    assert set(drawn[:, 0]) == {0, 1, 2, 3} and np.all(np.diff(drawn, axis=1) == 1)
    w, windows = start_of(tiny, key), windows_of(10, 3, tiny)
    whole = key.next_token_loss(key.forward(w, windows[:, :-1], tiny)[0], windows, 2)[0]
    np.testing.assert_allclose(key.mean_loss(w, windows, tiny, first=2, batch=3), whole, rtol=1e-12)


def test_reversal_windows(key):
    windows = key.reversal_windows(50, 5, np.random.default_rng(66), letters=4)
    assert windows.shape == (50, 11) and set(windows[:, :5].ravel()) == {0, 1, 2, 3} and set(windows[:, 5]) == {4}
    np.testing.assert_array_equal(windows[:, 6:], windows[:, 4::-1])


def test_the_bigram_loss_counts_pairs(key):
    text, new = "abracadabra", "abba"
    learn, held_out = key.encode(text), key.encode(new)
    pairs, total = Counter(pairwise(text)), 0.0
    for a, b in pairwise(new):
        total -= math.log((pairs[a, b] + 0.1) / (sum(pairs[a, c] + 0.1 for c in key.ALPHABET)))
    np.testing.assert_allclose(key.bigram_loss(learn, held_out, 96), total / 3, rtol=1e-12)


def test_characters_go_to_numbers_and_back(key):
    text = 'def f(x):\n    return "~" * x\n'
    assert key.decode(key.encode(text)) == text
    assert key.decode(key.encode("a\tb\r\nß€\x7f\U0001f600c")) == "ab\nc"
    assert len(key.ALPHABET) == 96 and key.decode(np.arange(96)) == key.ALPHABET


def test_the_library_is_the_same_each_time_and_large_enough(key):
    modules = key.library_source()
    assert modules == key.library_source()
    assert 1_000_000 <= sum(map(len, modules)) < 1_100_000
    assert len(modules) >= 20 and "import" in modules[0]
    assert sum(map(len, key.library_source(50_000))) < 150_000


def test_to_read_the_library_imports_nothing_from_it(key):
    before = set(sys.modules)
    key.library_source()
    assert set(sys.modules) == before


def test_without_the_librarys_source_numpys_stands_in(key, monkeypatch):
    monkeypatch.setattr(sys, "stdlib_module_names", frozenset({"sys", "no_such_module", "itertools"}))
    modules = key.library_source(300_000)
    assert 300_000 <= sum(map(len, modules)) < 400_000
    assert any("numpy" in text for text in modules)


def test_the_training_loop_takes_the_steps_it_says(key):
    """Against the same steps written out, on a bowl; and the reports come evenly."""
    reports, target = [], np.array([1.0, -2.0, 3.0])

    def slope(w, batch):
        return float(np.sum((w - target) ** 2)) + batch, 2 * (w - target)

    batches = iter(range(100))
    w, losses = key.train(
        np.zeros(3), slope, lambda: next(batches), 20, 0.1, warmup=5, report=lambda *now: reports.append(now), reports=4
    )
    expected, m, v = np.zeros(3), np.zeros(3), np.zeros(3)
    for t in range(1, 21):
        lr = key.learning_rate(t, 0.1, 5, 20)
        expected, m, v, loss = key.train_step(expected, m, v, t, slope, t - 1, lr)
        assert loss == losses[t - 1]
    np.testing.assert_allclose(w, expected, rtol=1e-12)
    assert [t for t, *_ in reports] == [5, 10, 15, 20]


def test_a_forecast_warns_of_a_long_run(key, capsys):
    key.forecast(None, lambda w, batch: time.sleep(0.002), None, 1000)
    short = capsys.readouterr().out
    assert re.fullmatch(r"one step takes about \d+ ms, 1,000 steps \d+ s\n", short)
    key.forecast(None, lambda w, batch: time.sleep(0.002), None, 1_000_000)
    assert "A loop over tokens" in capsys.readouterr().out
    key.forecast(None, lambda w, batch: time.sleep(0.002), None, 1000, limit=1)
    assert "A loop over tokens" in capsys.readouterr().out


@pytest.mark.slow
def test_to_keep_memory_spares_page_faults():
    """A training step takes memory from the system again and again unless the C library is asked to keep it."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc is asked")
    program = """if True:
        import resource, sys, numpy as np, solutions
        key = solutions.load("transformer")
        if sys.argv[1] == "keep":
            key.keep_memory()
        model = key.Model(96, 64, 64, 4, 2)
        w, windows = key.initial_weights(model), np.zeros((16, 65), dtype=int)
        for _ in range(3):
            key.loss_and_grad(w, windows, model)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            key.loss_and_grad(w, windows, model)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    """
    faults = {
        how: int(
            subprocess.run([sys.executable, "-c", program, how], capture_output=True, text=True, check=True).stdout
        )
        for how in ("keep", "return")
    }
    assert faults["keep"] * 10 < faults["return"], faults


@pytest.mark.slow
def test_the_benchmark_measures_the_same_training_in_one_process_and_in_two(tmp_path):
    script = Course().root / "tests" / "bench" / "transformer.py"
    argv = [sys.executable, script, "--rounds", "1", "--steps", "2", "--out", tmp_path]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "transformer.json").read_text(encoding="utf-8"))["results"]
    assert {"numpy", "two"} <= set(results) and all(result["ms"] > 0 for result in results.values())
    assert abs(results["numpy"]["loss"] - results["two"]["loss"]) < 1e-4
    assert ("pytorch" in results) != ("pip install torch" in done.stderr)


# The exercise


def test_all_graded_tests_together_take_less_than_4_seconds(key):
    start = time.process_time()
    for cell in MASTER.graded:
        exec(compile(cell.source, cell.grade_id, "exec"), dict(vars(key)))
    assert time.process_time() - start < 4


LEVEL = r"\*Level: (warm-up|standard|challenge) · (\d+) minutes · (\d+(?:\.\d+)?) points?\* · Page: \*([^*]+)\*"


def test_every_part_says_how_hard_it_is_and_how_long_it_takes():
    levels = re.findall(LEVEL, PROSE)
    assert len(levels) == len(MASTER.parts) == 12
    assert PROSE.count("<details><summary>Hint") >= len(MASTER.parts)
    assert sum(int(minutes) for _, minutes, _, _ in levels) == 220
    assert "About three and a half hours for the parts" in PROSE
    for (_, _, points, _), part in zip(levels, MASTER.parts, strict=True):
        assert float(points) == sum(cell.points for cell in part.tests), part.name


def test_every_page_that_is_named_exists():
    pages = (Course().root / "book" / "transformer").glob("*.md")
    titles = {re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)[1] for page in pages}
    if len(titles) == 1:
        pytest.skip("the pages of this chapter are not written yet")
    assert {page for *_, page in re.findall(LEVEL, PROSE)} <= titles


def test_the_numbers_in_the_prose():
    assert 26**12 // 10**15 == 95 and "95 million billion" in PROSE
    assert f"{math.log(96):.3f}" == "4.564" and r"$\log 96 = 4.564$" in PROSE


def ungraded(notebook):
    return [cell for cell in notebook.code if not cell.is_grade]


def test_the_whole_notebook_runs_quickly_under_a_grader(notebook, tmp_path, capsys):
    start = time.process_time()
    names = notebook.run(ungraded(notebook), quick=True, folder=tmp_path)
    assert names["QUICK"] and len(names["text_losses"]) == 20
    assert time.process_time() - start < 30
    printed = capsys.readouterr().out
    misses = [float(number) for number in re.findall(r"^(?:layer|attention|heads|next-token).* (\S+)$", printed, re.M)]
    assert len(misses) == 7 and max(misses) <= 1e-7
    predicted, measured = re.search(r"direction: (\S+) predicted, (\S+) measured", printed).groups()
    assert math.isclose(float(predicted), float(measured), rel_tol=1e-5)


@pytest.fixture(scope="module")
def whole_run(notebook, tmp_path_factory):
    return notebook.run(ungraded(notebook), folder=tmp_path_factory.mktemp("notebook"))


@pytest.mark.slow
def test_the_notebook_reverses_words_that_it_has_never_seen(whole_run):
    """Drawn letter by letter, without being shown the right ones before; and with the heads that the picture shows."""
    model, n = whole_run["reversal_model"], whole_run["LETTERS"]
    assert whole_run["reversed_share"] >= 0.99
    windows = whole_run["reversal_windows"](300, n, np.random.default_rng(67))
    text = windows[:, : n + 1]
    for _ in range(n):
        logits, saved = whole_run["forward"](whole_run["reversal_w"], text, model)
        text = np.hstack([text, logits[:, -1].argmax(axis=-1)[:, None]])
    assert np.mean((text == windows).all(axis=1)) >= 0.99
    # To write the letter at place n + 1 + i, some head looks from the place before it at place n - 1 - i.
    _, saved = whole_run["forward"](whole_run["reversal_w"], windows[:, :-1], model)
    rows = np.arange(n)
    looks = [
        weights[:, head, n + rows, n - 1 - rows].mean() for weights in saved.attention for head in range(model.heads)
    ]
    assert max(looks) > 0.3


@pytest.mark.slow
def test_the_notebook_writes_python_better_than_pairs_do(whole_run):
    assert whole_run["text_loss"] < whole_run["bigram"] - 0.5
    assert whole_run["bigram"] < whole_run["unigram"] - 0.4
    model, ask = whole_run["text_model"], whole_run["next_logits_of"](whole_run["text_w"], whole_run["text_model"])
    prompt = whole_run["encode"]("\n    def ")
    rng = np.random.default_rng(68)
    written = whole_run["decode"](whole_run["generate"](ask, prompt, 3000, model.context, rng, 0.9))
    words = Counter(re.findall(r"[A-Za-z_]+", written))
    library = Counter(re.findall(r"[A-Za-z_]+", "".join(whole_run["modules"])))
    known = sum(count for word, count in words.items() if len(word) > 2 and library[word] >= 5)
    assert known > 0.4 * sum(count for word, count in words.items() if len(word) > 2)
    assert words["self"] and "\n    " in written
