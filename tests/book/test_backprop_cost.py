"""Every number that the page `cost` states, computed again."""

import numpy as np

PAGE = "backprop/cost"


def peak_and_runs(n, k):
    """Most inputs in memory at once and layers run forward, played through with a set of kept inputs."""
    kept = {i for i in range(n) if i % k == 0}
    peak, runs = len(kept), n
    for segment in reversed([range(start, start + k) for start in range(0, n, k)]):
        runs += sum(i not in kept for i in segment)
        kept |= set(segment)
        peak = max(peak, len(kept))
        kept -= set(segment)
    return peak, runs


def test_the_price_in_forward_passes(says):
    says(PAGE, f"Two layers cost {3 - 1 / 2:.1f} forward passes, sixteen cost {3 - 1 / 16:.2f}.")


def test_products_counted_in_a_real_walk_back():
    class Counted(np.ndarray):
        products = 0

        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            Counted.products += ufunc is np.matmul
            return getattr(ufunc, method)(*(np.asarray(v) for v in inputs), **kwargs).view(Counted)

    for n in (1, 2, 5):
        Counted.products = 0
        rng = np.random.default_rng(n)
        stack = [rng.standard_normal((4, 4)).view(Counted) for _ in range(n)]
        x, kept = rng.standard_normal((3, 4)).view(Counted), []
        for W in stack:
            kept.append(x)
            x = np.maximum(x @ W, 0)
        assert Counted.products == n
        bar, after = x, x
        for i in reversed(range(n)):
            bar = bar * (after > 0)
            kept[i].T @ bar
            if i:
                bar = bar @ stack[i].T
            after = kept[i]
        assert Counted.products == 3 * n - 1


def test_checkpoints_of_64_layers(says):
    assert peak_and_runs(64, 1) == (64, 64)
    peak, runs = peak_and_runs(64, 8)
    assert (peak, runs) == (15, 120)
    says(PAGE, f"Fifteen arrays in place of 64, for {runs} layers run forward in place of 64")
    plain = 3 * 64 - 1
    says(PAGE, f"the {plain} of the plain gradient plus {runs - 64}, or {100 * (runs - 64) / plain:.0f} % more time")
    assert peak / 64 < 0.25


def test_the_formula_for_every_distance():
    for n in (64, 256):
        peaks = {}
        for k in 2 ** np.arange(int(np.log2(n)) + 1):
            peaks[k] = peak_and_runs(n, int(k))[0]
            assert peaks[k] == n // k + k - 1
        assert min(peaks, key=peaks.get) == int(np.sqrt(n))


def test_the_valleys(says):
    lowest = [2 * int(np.sqrt(n)) - 1 for n in (64, 256, 1024)]
    says(PAGE, f"{lowest[0]} at 8, {lowest[1]} at 16, {lowest[2]} at 32")
    assert 3.9 < lowest[2] / lowest[0] < 4.3
    says(PAGE, "Sixteen times the depth needs only four times the memory")
    assert peak_and_runs(64, 4)[0] < 1.3 * lowest[0]


def test_what_a_sequence_of_gpt3_leaves_behind(says):
    s, h, a, layers = 2048, 12288, 96, 96
    attention = 5 * a * s / h
    layer = s * h * (34 + attention)
    says(PAGE, f"A single sequence of 2,048 tokens leaves {layers * layer / 1e9:.0f} GB behind")
    says(PAGE, f"it is {layers * 2 * s * h / 1e9:.1f} GB, and {layer / 1e9:.1f} GB for the one layer")
    says(PAGE, f"The term $5as/h$ is {attention:.0f} of the {34 + attention:.0f}")
    says(PAGE, f"without it, the {layers * layer / 1e9:.0f} GB become {layers * s * h * 34 / 1e9:.0f}")
    assert 0.75 < layers * layer / (2 * 175e9) < 0.85
    says(PAGE, "four fifths of what the weights themselves take")
