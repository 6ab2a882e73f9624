"""The figures that move, as readers use them: mouse, keyboard, touch, phone, dark, reduced motion, no scripts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from book import figures

pytestmark = pytest.mark.slow

WIDE = {"viewport": {"width": 1300, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}


# tells the controls of a figure apart
WHICH = "e => [e.id || e.getAttribute('aria-label') || e.textContent.trim(), e.tagName.toLowerCase()]"


@dataclass(frozen=True)
class Figure:
    """Where a figure is, and what to try on it."""

    page: str
    name: str
    slider: str  # a parameter with a slider
    settings: dict[str, str]  # for the address, each away from what the page starts with
    steps: int | None = None  # where Play ends; None: it does not

    @property
    def id(self) -> str:
        return f"interactive-{self.name}"

    @property
    def address(self) -> str:
        return "&".join([f"fig={self.name}", *(f"{key}={value}" for key, value in self.settings.items())])


FIGURES = [
    Figure(
        "backprop/chain_rule", "graph-stepper", "w", {"graph": "diamond", "w": "5", "fault": "last", "step": "6"}, 16
    ),
    Figure("gradient_descent/landscapes", "landscape-start", "lr", {"lr": "0.3", "map": "saddle", "step": "40"}, 100),
    Figure("gradient_descent/bowls", "learning-rate", "lr", {"lr": "0.102", "bowl": "ravine", "step": "7"}, 100),
    Figure("sgd/noise_floor", "noise-floor", "lr", {"lr": "0.1", "batch": "16", "rate": "fall", "step": "90"}, 300),
    Figure("momentum/damping", "lr-beta-plane", "beta", {"lr": "0.6", "beta": "0.8", "bowl": "ten", "step": "11"}, 80),
    Figure(
        "adaptive/fair_comparison",
        "race",
        "speed",
        {"map": "turned", "one": "momentum", "speed": "2", "step": "33"},
        60,
    ),
    Figure(
        "transformer/sampling", "transformer", "place", {"task": "text", "head": "3", "place": "9", "step": "4"}, 11
    ),
]
each_figure = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)


@pytest.fixture
def see(visit, site_url):
    """`see(figure, address="", **context)` opens the figure's page and returns the Visit and the figure's element."""

    def open_figure(figure: Figure, address: str = "", **context):
        hash_ = f"#{address}" if address else ""
        opened = visit(f"{site_url}/book/{figure.page}.html{hash_}", **(context or WIDE))
        root = opened.page.locator(f"#{figure.id}")
        if context.get("java_script_enabled", True):
            opened.page.wait_for_selector(f"#{figure.id}.interactive-ready")
            root.scroll_into_view_if_needed()
        return opened, root

    return open_figure


def readout(root) -> str:
    return root.locator(".interactive-readout").inner_text()


def address(opened) -> dict[str, str]:
    """The settings in the page's address, once it has been written."""
    opened.page.wait_for_timeout(600)
    fragment = opened.page.evaluate("location.hash.slice(1)")
    return {key: value for key, [value] in parse_qs(fragment, keep_blank_values=True).items()}


@each_figure
def test_mouse(see, figure):
    opened, root = see(figure)
    before = readout(root)
    slider = root.locator(f"#{figure.id}-{figure.slider}")
    slider.evaluate("e => e.scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = slider.bounding_box()
    opened.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=4)
    opened.page.mouse.up()
    assert figure.slider in address(opened)
    assert readout(root) != before
    for preset in root.locator(".interactive-presets button").all():
        preset.click()
        opened.page.wait_for_timeout(100)
    assert opened.problems == []


@each_figure
def test_keyboard_alone(see, figure):
    """Tab reaches every control, each has a name, and arrows change values that are announced."""
    opened, root = see(figure)
    at = opened.page
    root.locator(".interactive-live").evaluate("e => { e.tabIndex = -1; e.focus(); }")
    reached = []
    for _ in range(60):
        at.keyboard.press("Tab")
        here = root.locator(".interactive-live").evaluate(
            f"e => e.contains(document.activeElement) ? ({WHICH})(document.activeElement) : null"
        )
        if here is None:
            break
        reached.append(here)
    controls = ".interactive-live :is(input, select, button, summary, [tabindex='0']):not(:disabled)"
    wanted = root.locator(controls).evaluate_all(f"all => all.filter(e => e.checkVisibility()).map({WHICH})")
    assert reached == wanted
    for element in root.locator(".interactive-live :is(input, select, [role=slider])").all():
        name = element.evaluate("e => e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim()")
        assert name, element.evaluate("e => e.outerHTML")
    slider = root.locator(f"#{figure.id}-{figure.slider}")
    slider.focus()
    value, said = slider.get_attribute("aria-valuetext"), root.locator("[role=status]").inner_text()
    for _ in range(5):
        at.keyboard.press("ArrowRight" if slider.input_value() == slider.get_attribute("min") else "ArrowLeft")
    at.wait_for_timeout(700)
    assert slider.get_attribute("aria-valuetext") != value
    assert root.locator("[role=status]").inner_text() not in ("", said)
    assert opened.problems == []


@each_figure
def test_handles_move_with_the_keyboard(see, figure):
    opened, root = see(figure)
    for handle in root.locator("[role=slider]:not(input)").all():
        handle.focus()
        before = handle.get_attribute("aria-valuetext")
        opened.page.keyboard.press("Shift+ArrowUp")
        opened.page.keyboard.press("Shift+ArrowLeft")
        opened.page.wait_for_timeout(150)
        assert handle.get_attribute("aria-valuetext") != before
    assert opened.problems == []


@each_figure
def test_touch_on_a_phone(see, figure):
    opened, root = see(figure, **PHONE)
    before = readout(root)
    root.locator(".interactive-presets button").last.tap()
    opened.page.wait_for_timeout(300)
    assert readout(root) != before
    for handle in root.locator("[role=slider]:not(input)").all():
        handle.scroll_into_view_if_needed()
        box, value = handle.bounding_box(), handle.get_attribute("aria-valuetext")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        touch = opened.context.new_cdp_session(opened.page)
        for kind, dx in (("touchStart", 0), ("touchMove", 15), ("touchMove", 30), ("touchEnd", None)):
            points = [] if dx is None else [{"x": x + dx, "y": y}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        opened.page.wait_for_timeout(200)
        assert handle.get_attribute("aria-valuetext") != value
    assert opened.problems == []


@each_figure
@pytest.mark.parametrize("width", [390, 768, 1300])
def test_fits_and_does_not_jump(see, figure, width):
    """Nothing sticks out, and what was reserved is what the figure needs: not less, and hardly more."""
    opened, root = see(figure, viewport={"width": width, "height": 900})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    edges = root.bounding_box()
    for part in root.locator(".interactive-live > *, .interactive-live :is(button, input, select, svg)").all():
        box = part.bounding_box()
        if box and box["width"] > 1:
            assert box["x"] >= edges["x"] - 1 and box["x"] + box["width"] <= edges["x"] + edges["width"] + 1, (
                part.evaluate("e => e.outerHTML.slice(0, 200)")
            )
    reserved = float(root.evaluate("e => getComputedStyle(e.querySelector('figure')).gridTemplateRows").split("px")[0])
    needed = root.locator(".interactive-live").evaluate(
        "e => { e.style.alignSelf = 'start'; const h = e.offsetHeight; e.style.alignSelf = ''; return h }"
    )
    wide = opened.page.evaluate("id => document.getElementById(id).offsetWidth >= 560", figure.id)
    asked = float(
        root.evaluate(
            "(e, p) => getComputedStyle(e).getPropertyValue(p)", "--reserve" if wide else "--reserve-narrow"
        ).removesuffix("px")
    )
    assert needed <= asked == reserved, f"needs {needed} pixels, {asked} are reserved"
    assert asked - needed <= 60, f"needs {needed} pixels, {asked} are reserved"


@each_figure
@pytest.mark.parametrize("context", [WIDE, PHONE], ids=["wide", "phone"])
def test_layout_shift(browser, site_url, figure, context):
    """While the figure arrives under the eyes of a reader who is there already. Formulas are not counted here."""
    opened = browser.new_context(**context)
    try:
        page = opened.new_page()
        held = []
        page.route(re.compile("mathjax", re.IGNORECASE), lambda route: route.abort())
        page.route("**/interactive.js*", lambda route: held.append(route))
        page.goto(f"{site_url}/book/{figure.page}.html", wait_until="commit")
        page.wait_for_selector(f"#{figure.id} figure")
        page.wait_for_timeout(500)
        assert held, "the script was not asked for"
        page.evaluate(
            """id => { window.shift = 0; document.querySelector(`#${id} figure`).scrollIntoView();
            new PerformanceObserver(list => list.getEntries().forEach(e => { window.shift += e.value; }))
              .observe({ type: 'layout-shift' }); }""",
            figure.id,
        )
        page.wait_for_timeout(300)
        held[0].continue_()
        page.wait_for_selector(f"#{figure.id}.interactive-ready")
        page.wait_for_timeout(500)
        shift = page.evaluate("window.shift")
    finally:
        opened.close()
    assert shift < 0.02


@each_figure
@pytest.mark.parametrize("scheme, which", [("light", 0), ("dark", 1)])
def test_light_and_dark(see, figure, scheme, which):
    opened, root = see(figure, color_scheme=scheme, **WIDE)
    assert root.locator(".plot-title").first.evaluate("e => getComputedStyle(e).fill") == rgb(
        figures.PALETTE["ink"][which]
    )
    play = root.locator(".interactive-play")
    assert play.evaluate("e => getComputedStyle(e).backgroundColor") == rgb(figures.PALETTE["gd"][which])
    assert opened.problems == []


def rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*bytes.fromhex(colour.removeprefix("#")))


@each_figure
def test_play_moves_and_pauses(see, figure):
    opened, root = see(figure)
    play, step = root.locator(".interactive-play"), root.locator(".control-run input")
    play.click()
    opened.page.wait_for_timeout(700)
    assert play.inner_text() == "Pause"
    play.click()
    opened.page.wait_for_timeout(100)
    stopped = int(step.input_value())
    assert stopped > 0
    opened.page.wait_for_timeout(400)
    assert int(step.input_value()) == stopped
    root.get_by_role("button", name="Step", exact=True).click()
    opened.page.wait_for_timeout(100)
    assert int(step.input_value()) == stopped + 1
    root.get_by_role("button", name="Restart").click()
    opened.page.wait_for_timeout(100)
    assert int(step.input_value()) == 0


@each_figure
def test_reduced_motion(see, figure):
    """Play shows the end at once, and nothing moves by itself."""
    opened, root = see(figure, reduced_motion="reduce", **WIDE)
    play = root.locator(".interactive-play")
    assert play.inner_text() == "To the end"
    play.click()
    opened.page.wait_for_timeout(100)
    step = root.locator(".control-run input")
    assert step.input_value() == step.get_attribute("max")
    still = readout(root)
    opened.page.wait_for_timeout(300)
    assert readout(root) == still


@each_figure
def test_address_restores_the_state(see, figure):
    _, root = see(figure, figure.address)
    for key, value in figure.settings.items():
        control = root.locator(f"#{figure.id}-{key}")
        if control.count() and control.evaluate("e => e.tagName === 'SELECT' || e.type === 'range' && e.max !== '200'"):
            assert float_or_text(control.input_value()) == float_or_text(value), key
    first = readout(root)
    other, second = see(figure)
    assert readout(second) != first
    other.page.evaluate("address => { location.hash = address }", figure.address)
    other.page.wait_for_timeout(300)
    assert readout(second) == first
    # and what the figure writes into the address leads back to the same state
    slider = second.locator(f"#{figure.id}-{figure.slider}")
    slider.focus()
    other.page.keyboard.press("ArrowLeft")
    written = address(other)
    assert written.pop("fig") == figure.name
    state = readout(second)
    _, again = see(figure, "&".join([f"fig={figure.name}", *(f"{k}={v}" for k, v in written.items())]))
    assert readout(again) == state


def float_or_text(text: str):
    try:
        return float(text)
    except ValueError:
        return text


@each_figure
def test_nonsense_in_the_address_does_no_harm(see, figure):
    opened, root = see(figure, f"fig={figure.name}&{figure.slider}=fast&step=soon&nothing=%&start=1,b")
    _, plain = see(figure)
    assert readout(root) == readout(plain)
    assert opened.problems == []


@pytest.mark.parametrize("name", ["landscape-start", "race"])
def test_extreme_values_in_the_address_do_no_harm(see, name):
    """A start beyond the map lies on its edge, and runs that fly apart are left out of the drawing."""
    figure = next(one for one in FIGURES if one.name == name)
    for map_, start in (("rosenbrock", "9,9"), ("rosenbrock", "1e308,-1e308"), ("saddle", "-1e308,0")):
        opened, root = see(figure, f"fig={name}&map={map_}&start={start}&lr=2&speed=10&step=99")
        handle, plane = (
            root.locator("[role=slider]:not(input)").bounding_box(),
            root.locator("svg").first.bounding_box(),
        )
        assert plane["x"] - 30 <= handle["x"] <= plane["x"] + plane["width"] + 30
        assert plane["y"] - 30 <= handle["y"] <= plane["y"] + plane["height"] + 30
        assert opened.problems == []


@each_figure
def test_a_state_is_the_same_whatever_was_shown_before(see, figure):
    """Also where the run before it, of another graph or model, was shorter."""
    _, root = see(figure, figure.address)
    wanted = readout(root)
    opened, root = see(figure)
    for preset in root.locator(".interactive-presets button").all():
        preset.click()
        opened.page.wait_for_timeout(100)
        opened.page.evaluate("address => { location.hash = ''; location.hash = address }", figure.address)
        expect(root.locator(".interactive-readout"), f"after {preset.inner_text()!r}").to_have_text(wanted)


@each_figure
def test_the_last_step_does_not_take_the_focus_away(see, figure):
    opened, root = see(figure)
    step, button = root.locator(".control-run input"), root.get_by_role("button", name="Step", exact=True)
    step.evaluate("e => { e.value = Number(e.max) - 1; e.dispatchEvent(new Event('input')); }")
    expect(step).to_have_attribute("aria-valuetext", str(int(step.get_attribute("max")) - 1))
    button.focus()
    for _ in range(2):
        opened.page.keyboard.press("Enter")
        expect(step).to_have_value(step.get_attribute("max"))
    assert button.evaluate("e => e === document.activeElement")


@each_figure
def test_numbers_as_a_table(see, figure):
    opened, root = see(figure)
    root.locator(".interactive-numbers summary").click()
    table = root.locator(".interactive-sheet table")
    heads, rows = table.locator("thead th").all_inner_texts(), table.locator("tbody tr")
    assert rows.count() > 0
    assert all(row.locator("td").count() == len(heads) for row in rows.all())
    before = table.inner_text()
    root.locator(f"#{figure.id}-{figure.slider}").focus()
    opened.page.keyboard.press("ArrowLeft")
    root.get_by_role("button", name=re.compile("^(Step|Back)$"), disabled=False).first.click()
    opened.page.wait_for_timeout(100)
    assert table.inner_text() != before


@each_figure
def test_question_is_answered_after_a_prediction(see, figure):
    opened, root = see(figure)
    question, answer = root.locator(".interactive-question"), root.locator(".interactive-answer")
    right = question.get_attribute("data-answer")
    wrong = next(value for value in "123" if value != right)
    assert answer.get_attribute("open") is None
    before = readout(root)
    question.locator(f"input[value='{wrong}']").check()
    opened.page.wait_for_timeout(200)
    verdict = answer.locator(".interactive-verdict")
    assert verdict.inner_text().startswith("Not so. The answer is: ")
    assert verdict.is_visible() and readout(root) != before
    question.locator(f"input[value='{right}']").check()
    assert verdict.inner_text() == "That is right."


@each_figure
def test_without_scripts(see, figure):
    """The picture, its alternative text, the question and its answer are there; the rest is not."""
    _, root = see(figure, java_script_enabled=False, **WIDE)
    picture = root.locator("img:visible")
    assert picture.count() == 1
    assert len(picture.get_attribute("alt")) > 40
    assert root.locator("figcaption").is_visible()
    assert root.locator("button:visible").count() == 0
    root.locator(".interactive-answer summary").click()
    assert root.locator(".interactive-answer p").last.is_visible()


@each_figure
def test_print_shows_the_picture(see, figure):
    opened, root = see(figure)
    opened.page.emulate_media(media="print")
    assert root.locator("img:visible").count() == 1
    assert not root.locator(".interactive-live").is_visible()


@each_figure
def test_picture_stays_when_the_script_does_not_come(browser, site_url, figure):
    context = browser.new_context(**WIDE)
    try:
        page = context.new_page()
        page.route("**/interactive.js*", lambda route: route.abort())
        page.goto(f"{site_url}/book/{figure.page}.html")
        assert page.locator(f"#{figure.id} img:visible").count() == 1
    finally:
        context.close()


@each_figure
def test_from_a_folder(visit, html, figure):
    page = html / "book" / f"{figure.page}.html"
    opened = visit(f"{page.as_uri()}#{figure.address}", **WIDE)
    root = opened.page.locator(f"#{figure.id}.interactive-ready")
    root.wait_for()
    slider = root.locator(f"#{figure.id}-{figure.slider}")
    slider.focus()
    opened.page.keyboard.press("ArrowLeft")
    assert figure.slider in address(opened)
    assert [problem for problem in opened.problems if "script error" in problem] == []


def test_the_race_on_the_front_page_runs_by_itself(visit, site_url):
    opened = visit("book/index", **WIDE)
    race = opened.page.locator("#interactive-race.interactive-ready")
    step = race.locator(".control-run input")
    opened.page.wait_for_timeout(1500)
    assert int(step.input_value()) > 5
    race.locator(".interactive-play").click()
    stopped = step.input_value()
    opened.page.wait_for_timeout(300)
    assert step.input_value() == stopped
    assert opened.problems == []
    alone = visit("book/index", **WIDE)
    at = alone.page.locator("#interactive-race .control-run input")
    alone.page.wait_for_function("e => e.value === e.max", arg=at.element_handle())
    alone.page.wait_for_timeout(600)
    assert alone.page.evaluate("location.hash") == "", "the address changes although nobody has done anything"
    at.focus()
    alone.page.keyboard.press("ArrowLeft")
    assert "step" in address(alone)
    still = visit("book/index", reduced_motion="reduce", **WIDE)
    still.page.wait_for_timeout(600)
    assert still.page.locator("#interactive-race .control-run input").input_value() == "0"
    linked = visit(f"{site_url}/book/index.html#fig=race&map=turned&step=12", **WIDE)
    linked.page.wait_for_timeout(600)
    assert linked.page.locator("#interactive-race .control-run input").input_value() == "12"


def test_loaded_only_where_needed(html):
    """Pages without a figure load nothing of it, and the shared script and style stay small."""
    import gzip

    with_figure = {"book/index.html", *(f"book/{figure.page}.html" for figure in FIGURES)}
    for page in html.glob("book/**/*.html"):
        loads = "_static/interactive.js" in page.read_text(encoding="utf-8")
        assert loads == ('class="interactive"' in page.read_text(encoding="utf-8")), page
        assert loads or str(page.relative_to(html)) not in with_figure
    sizes = {
        name: len(gzip.compress((html / "_static" / name).read_bytes()))
        for name in ("interactive.js", "interactive.css")
    }
    assert sum(sizes.values()) < 45_000, json.dumps(sizes)


def test_palette_is_the_one_of_the_static_figures(html):
    style = (html / "_static" / "interactive.css").read_text(encoding="utf-8")
    own = style.split("}", 2)[2]  # after the two generated blocks
    assert re.findall(r"#[0-9a-f]{3,8}\b", own) == [], "a colour is written by hand"
    for light, dark in figures.PALETTE.values():
        assert light in style and dark in style
