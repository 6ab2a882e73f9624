"""Front and back matter: the numbers on it are computed again, and what it promises exists."""

import math
import re
import shlex

import numpy as np
import pytest

from autograder.cli import _parser
from autograder.course import ROOT, Course
from autograder.engine import sandbox

BOOK = ROOT / "book"
CHAPTERS = {
    "backprop": "Which weight is to blame?",
    "gradient_descent": "How far downhill, and how far is too far?",
    "sgd": "How little data is enough for a step?",
    "momentum": "What should a step remember?",
    "adaptive": "Should every weight take the same step?",
    "transformer": "Does it really learn?",
}


def source(page):
    return (BOOK / f"{page}.md").read_text(encoding="utf-8")


# --- engine: the machine of gears


def stages(w, u=3.0, c=-7.0):
    a = w**2
    b = u * a + c
    return a, b, b**2 / 2


def test_the_machine_stands_where_the_page_says(says):
    assert stages(2.0) == (4, 5, 12.5)
    says("engine", "Set $w = 2$ and turn the handle: $a = 4$, then $b = 5$, and the loss is 12.5.")


def test_ratios_multiply_to_the_slope_for_every_weight(says):
    h = 1e-6

    def slope(**change):
        up, down = ({**at, name: at[name] + sign * h} for sign in (1, -1) for name in change)
        return (stages(**up)[2] - stages(**down)[2]) / (2 * h)

    at = {"w": 2.0, "u": 3.0, "c": -7.0}
    w, u, c = (slope(**{name: True}) for name in at)
    assert [round(value, 6) for value in (w, u, c)] == [60, 20, 5]
    ratios = [round((stages(2 + h)[k] - stages(2 - h)[k]) / (2 * h), 6) for k in range(3)]
    assert ratios == [4, 4 * 3, 4 * 3 * 5]
    says("engine", r"so the loss moves $4 \cdot 3 \cdot 5 = 60$ times as far as $w$")
    says("engine", r"so the loss moves $5 \cdot 4 = 20$ times as far")
    says("engine", "so the loss moves 5 times as far. One walk back has answered for three weights.")


def test_a_nudge_of_a_thousandth_moves_the_loss_by_sixty_thousandths_and_a_little(says):
    growth = stages(2.001)[2] - stages(2.0)[2]
    says("engine", f"Sixty times the nudge is {60 * 0.001:.2f}, and the machine says {growth:.6f}.")
    surplus = [stages(2 + nudge)[2] - 12.5 - 60 * nudge for nudge in (0.01, 0.001)]
    assert 95 < surplus[0] / surplus[1] < 105
    says("engine", "a tenth of the nudge, a hundredth of the surplus")


def test_one_step_of_descent_lowers_the_loss_and_twice_the_rate_raises_it(says):
    w, far = 2 - 0.01 * 60, 2 - 0.02 * 60
    says("engine", rf"w \leftarrow 2 - 0.01 \cdot 60 = {w:.1f}")
    says("engine", f"The loss falls from 12.5 to {stages(w)[2]:.4f}.")
    says("engine", f"At $w = {w:.1f}$ the second stage reads $b = {stages(w)[1]:.2f}$.")
    assert stages(far)[2] > 12.5
    says("engine", f"gone to $w = {far:.1f}$, with $b = {stages(far)[1]:.2f}$ and a loss of {stages(far)[2]:.4f}")


# --- engine: what it costs

N, D, TOKENS_A_STEP = 175e9, 300e9, 3.2e6  # Brown et al. (2020), tables 2.1 and 2.2
REPORTED = 3.14e23  # Brown et al. (2020), table D.1


def test_six_operations_a_weight_and_token_give_gpt_3_to_half_a_per_cent(says):
    operations = (2 + 4) * N * D
    digits, power = f"{operations:.2e}".split("e+")
    says("engine", rf"${digits} \times 10^{{{power}}}$ operations")
    assert abs(operations / REPORTED - 1) < 0.005
    says("engine", r"its authors report $3.14 \times 10^{23}$")


def test_without_backpropagation_a_month_becomes_billions_of_years(says):
    ratio = (N + 1) * 2 * N / (6 * N)
    assert math.isclose(ratio, (N + 1) / 3)
    digits, power = f"{ratio:.1e}".split("e+")
    says("engine", rf"The ratio is $(N+1)/3$, about ${digits} \times 10^{{{power}}}$.")
    says("engine", f"it takes {ratio / 12 / 1e9:.1f} billion years without")


class Counted(float):
    """A number that counts the operations it takes part in."""

    count = 0

    def _counted(self, value):
        Counted.count += 1
        return Counted(value)

    def __add__(self, other):
        return self._counted(float(self) + float(other))

    def __sub__(self, other):
        return self._counted(float(self) - float(other))

    def __mul__(self, other):
        return self._counted(float(self) * float(other))

    def __truediv__(self, other):
        return self._counted(float(self) / float(other))

    def root(self):
        return self._counted(math.sqrt(self))


def test_adam_spends_about_fifteen_operations_where_backpropagation_spends_nineteen_million(says):
    w, g, m, v, lr, eps = map(Counted, (1.0, 0.5, 0.1, 0.2, 1e-3, 1e-8))
    keep1, new1, keep2, new2, fix1, fix2 = map(Counted, (0.9, 0.1, 0.999, 0.001, 0.19, 0.002))  # once a step
    Counted.count = 0
    m = keep1 * m + new1 * g
    v = keep2 * v + new2 * (g * g)
    w = w - lr * (m / fix1) / ((v / fix2).root() + eps)
    assert 13 <= Counted.count <= 17
    says("engine", "Adam spends about fifteen")
    says("engine", f"backpropagation spends {6 * TOKENS_A_STEP / 1e6:.0f} million operations on each weight")


# --- engine: the race, run again with each method in another of its forms

START, STEPS, EXAMPLES, BETA, BETA2, EPS = np.array([-4.2, 1.3]), 80, 20, 0.9, 0.95, 1e-8
RATES = np.geomspace(0.01, 2, 60)


def height(p):
    return 0.03 * p[..., 0] ** 2 + (p[..., 1] - 0.7 * np.sin(p[..., 0])) ** 2


def slope(p):
    wall = p[1] - 0.7 * math.sin(p[0])
    return np.array([0.06 * p[0] - 1.4 * math.cos(p[0]) * wall, 2 * wall])


def tilts():
    rng = np.random.default_rng(1)
    tilt = 0.5 * rng.standard_normal((EXAMPLES, 2))
    tilt -= tilt.mean(axis=0)
    order = [rng.permutation(EXAMPLES) for _ in range(STEPS // EXAMPLES)]
    return tilt[np.concatenate(order)]


def plain(rate, extra=None):
    points = [START]
    for t in range(STEPS):
        points.append(points[-1] - rate * (slope(points[-1]) + (0 if extra is None else extra[t])))
    return points


def stochastic(rate):
    return plain(rate, tilts())


def momentum(rate):  # Polyak's two points
    points = [START, START]
    for _ in range(STEPS):
        points.append(points[-1] - rate * slope(points[-1]) + BETA * (points[-1] - points[-2]))
    return points[1:]


def nesterov(rate):  # two sequences
    points, ahead = [START], START
    for _ in range(STEPS):
        points.append(ahead - rate * slope(ahead))
        ahead = points[-1] + BETA * (points[-1] - points[-2])
    return points


def adagrad(rate):
    points, gradients = [START], []
    for _ in range(STEPS):
        gradients.append(slope(points[-1]))
        points.append(points[-1] - rate * gradients[-1] / (np.linalg.norm(gradients, axis=0) + EPS))
    return points


def rmsprop(rate):
    points, square = [START], np.zeros(2)
    for _ in range(STEPS):
        g = slope(points[-1])
        square = BETA2 * square + (1 - BETA2) * g**2
        points.append(points[-1] - rate * g / (np.sqrt(square) + EPS))
    return points


def adam(rate):  # the corrections in the rate, epsilon to match
    points, first, second = [START], np.zeros(2), np.zeros(2)
    for t in range(1, STEPS + 1):
        g = slope(points[-1])
        first, second = BETA * first + (1 - BETA) * g, BETA2 * second + (1 - BETA2) * g**2
        root = math.sqrt(1 - BETA2**t)
        step = rate * root / (1 - BETA**t) * first / (np.sqrt(second) + EPS * root)
        points.append(points[-1] - step)
    return points


def settled(losses):
    """The step from which on all losses are below 0.02, if that is so for the last 20 steps at least."""
    for step in range(STEPS - 20 + 1):
        if np.all(losses[step:] < 0.02):
            return step
    return None


def best(method):
    """(settles at step or None, rate, losses) of the rate that settles soonest; ties go to the lower late loss."""
    candidates = []
    with np.errstate(all="ignore"):
        for rate in RATES:
            try:
                losses = height(np.array(method(rate)))
            except (OverflowError, ValueError):  # math.sin of infinity
                continue
            if np.isfinite(losses).all():
                step, late = settled(losses), losses[-EXAMPLES:].mean()
                candidates.append((step is None, late if step is None else step, late, rate, losses))
    never, step, _, rate, losses = min(candidates, key=lambda one: one[:3])
    return None if never else step, rate, losses


@pytest.fixture(scope="module")
def race():
    return {method.__name__: best(method) for method in (plain, stochastic, momentum, nesterov, adagrad, rmsprop, adam)}


def test_slopes_of_the_valley_are_those_of_its_height():
    for p in np.random.default_rng(0).uniform(-4, 3, (20, 2)):
        measured = [(height(p + 1e-6 * e) - height(p - 1e-6 * e)) / 2e-6 for e in np.eye(2)]
        np.testing.assert_allclose(slope(p), measured, rtol=1e-5, atol=1e-7)
    assert height(np.zeros(2)) == 0
    np.testing.assert_allclose(tilts()[:EXAMPLES].sum(axis=0), 0, atol=1e-12)


def test_the_race_ends_as_the_page_says(race, says):
    steps = {name: result[0] for name, result in race.items()}
    says("engine", f"Plain descent needs {steps['plain']} steps")
    says("engine", f"Momentum needs {steps['momentum']}, Nesterov's form of it {steps['nesterov']}.")
    says("engine", f"Adam needs {steps['adam']}. It does not win here")
    assert steps["stochastic"] is None
    assert min(value for value in steps.values() if value) == steps["nesterov"]
    assert steps["plain"] > steps["momentum"] > steps["adam"]


def test_for_the_same_price_the_stochastic_path_is_lower(race, says):
    assert STEPS // EXAMPLES == 4
    says("engine", f"plain descent gets 4 steps, and its loss then is {race['plain'][2][4]:.3f}.")
    says("engine", f"and already at {race['stochastic'][2][-EXAMPLES:].mean():.3f}.")


def test_plain_descent_spends_most_steps_crossing_the_valley(race):
    points = np.array(plain(race["plain"][1]))[: race["plain"][0] + 1]
    side = np.sign(points[:, 1] - 0.7 * np.sin(points[:, 0]))
    assert np.count_nonzero(side[1:] != side[:-1]) > len(side) / 2


def test_the_front_page_races_at_the_rates_that_were_best(race):
    text = source("index")
    walks = re.findall(r"walk\(([\d.]+)(.*?)\), \(", text)
    assert [float(rate) for rate, _ in walks[:1] + walks[2:]] == [
        round(race[name][1], 3) for name in ("plain", "momentum", "adam")
    ]
    assert "28 steps" in text and "range(1, 29)" in text and race["adam"][0] == 28


# --- the map of the course


HOURS = {
    "an hour and a quarter": "1¼",
    "an hour and a half": "1½",
    "two hours": "2",
    "two and a half hours": "2½",
    "three hours": "3",
    "three and a half hours": "3½",
}


@pytest.mark.parametrize("number, chapter", list(enumerate(CHAPTERS, start=1)))
def test_the_map_asks_each_chapters_question_and_says_how_long_it_takes(number, chapter):
    cards = re.findall(r":::::\{grid-item-card\} (\d) · [^\n]+\n:link: (\w+)/index\n(.*?):::::", source("index"), re.S)
    ((_, _, card),) = [one for one in cards if one[1] == chapter and one[0] == str(number)]
    assert f"**{CHAPTERS[chapter]}**" in card
    text = re.sub(r"\s+", " ", source(f"{chapter}/index"))
    (reading,) = re.findall(r"Reading takes about (an hour and a \w+|\w+ hours)", text)
    (exercise,) = re.findall(r"the exercise (?:takes )?(?:about )?(\w+(?: and a half)? hours)", text, re.I)
    assert f"[Reading {HOURS[reading]} hours · exercise {HOURS[exercise]}]" in card


def test_every_chapter_has_an_exercise_and_a_quiz():
    for chapter in CHAPTERS:
        assert chapter in Course().chapters()
        assert (BOOK / chapter / "exercise.md").exists() and (BOOK / chapter / "quiz.md").exists()


# --- back matter


def test_citations_and_the_bibliography_fit():
    keys = re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text(encoding="utf-8"), re.M)
    assert len(keys) == len(set(keys))
    pages = "\n".join(path.read_text(encoding="utf-8") for path in BOOK.rglob("*.md"))
    cited = {key.strip() for keys in re.findall(r"\{cite:\w+\}`([^`]+)`", pages) for key in keys.split(",")}
    assert cited == set(keys), f"not in references.bib: {cited - set(keys)}; cited nowhere: {set(keys) - cited}"


def test_the_glossary_is_in_order_and_each_entry_is_short():
    (entries,) = re.findall(r"\{glossary\}\n(.*?)````", source("glossary"), re.S)
    entries = re.findall(r"^(\S.*)\n    (.+)$", entries, re.M)
    terms = [term.lower() for term, _ in entries]
    assert len(terms) >= 40 and terms == sorted(set(terms))
    for term, text in entries:
        assert text.endswith(".") and len(re.findall(r"[.!?](?= [A-Z]|$)", text)) <= 2, term


def test_each_of_the_ten_resources_says_what_for_when_and_what_to_watch():
    sections = source("resources").split("\n## ")[1:]
    assert len(sections) == 10
    for section in sections:
        assert re.search(r"\]\(https://\S+\)", section), section[:40]
        for heading in ("- **Best for**", "- **When**", "- **Watch out**"):
            assert section.count(heading) == 1, section[:40]


def test_limits_that_students_are_told_are_those_of_the_autograder(says):
    limits = sandbox.Limits()
    says("how_to_use", f"it is stopped after {limits.cell_seconds:g} seconds")
    says("how_to_use", f"the whole notebook takes more than {limits.submission_seconds:g} seconds")


def test_every_command_of_the_instructors_guide_is_understood():
    commands = re.findall(r"^autograder (.+)$", source("instructors"), re.M)
    assert len(commands) >= 6
    for command in commands:
        _parser().parse_args(shlex.split(command, comments=True))


def test_every_folder_of_the_instructors_guide_exists():
    folders = re.findall(r"^\| `(\w+)/` \|", source("instructors"), re.M)
    assert folders and all((ROOT / folder).is_dir() for folder in folders)
