"""The Sphinx extension of the site: figures that move or come in two palettes, formulas, repairs of the theme."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext import mathjax
from sphinx.transforms.post_transforms import SphinxPostTransform

from book import answers, directive, feedback, figures, mathematics, theme


class TwoPalettes(SphinxPostTransform):
    """Give each figure that the book's own style drew a partner for the dark theme.

    Only the one that is shown is ever fetched: both load lazily, and the stylesheet hides the other. (The theme's own
    `only-dark` class would hide the caption too.) `dark-light` tells the theme to put no pale ground behind them.
    """

    default_priority = 5  # before Sphinx collects and copies images
    formats = ("html",)

    def run(self, **kwargs) -> None:
        for image in list(self.document.findall(nodes.image)):
            if not image["uri"].endswith(".svg"):
                continue
            light = Path(self.env.srcdir, image["uri"])
            text = light.read_text(encoding="utf-8")
            if figures.MARK not in text:
                continue
            dark = light.with_name(f"{light.stem}-dark.svg")
            dark.write_text(figures.to_dark(text), encoding="utf-8")
            partner = image.deepcopy()
            partner["uri"] = image["uri"].removesuffix(".svg") + "-dark.svg"
            partner["candidates"] = {"*": partner["uri"]}
            partner["ids"] = []
            image["classes"] += ["figure-light", "dark-light"]
            partner["classes"] += ["figure-dark", "dark-light"]
            width, height = _size(text)
            for one in (image, partner):  # a lazy image without a size would push the text down when it arrives
                one["loading"], one["width"], one["height"] = "lazy", width, height
            self.env.images.add_file(self.env.docname, partner["uri"])
            image.parent.insert(image.parent.index(image) + 1, partner)


def _size(svg: str) -> tuple[str, str]:
    """Width and height of a Matplotlib SVG in CSS pixels."""
    _, _, width, height = (float(number) for number in re.search(r'viewBox="([^"]+)"', svg).group(1).split())
    return f"{width * 4 / 3:.0f}", f"{height * 4 / 3:.0f}"


def silence_thebe(app: Sphinx, config) -> None:
    """Keep sphinx-thebe from writing its scripts into every page.

    Jupyter Book loads it even when thebe is off; it then declares the same constant twice, which is an error in the
    browser, and names a script on another host.
    """
    for listeners in app.events.listeners.values():
        listeners[:] = [one for one in listeners if one.handler.__module__ != "sphinx_thebe"]
    app.registry.css_files[:] = [one for one in app.registry.css_files if one[0] != "sphinx-thebe.css"]


def finish(app: Sphinx, error: Exception | None) -> None:
    """Pages as a reader gets them: icons drawn, formulas typeset, nothing beside them that no page uses."""
    if error or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        done = theme.repair(theme.draw_icons(page)).replace("console.log(", "void(")
        if path.name != "search.html":  # whose scripts run in place, in their own order
            done = theme.defer_scripts(done)
        if done != page:
            path.write_text(done, encoding="utf-8")
    mathematics.typeset_site(Path(app.outdir))
    theme.remove_unused(app)
    feedback.write_archives(Path(app.outdir))


def setup(app: Sphinx) -> dict:
    # The theme's colours for code (a11y_pygments) turn on the chatter of every library; this one has hundreds of lines.
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    app.add_post_transform(TwoPalettes)
    app.connect("config-inited", silence_thebe)
    # Sphinx writes TeX into the page, as for MathJax, and `finish` typesets it; nothing is loaded.
    app.add_html_math_renderer("typeset", (mathjax.html_visit_math, None), (mathjax.html_visit_displaymath, None))
    app.connect("build-finished", finish, priority=950)
    directive.setup(app)
    feedback.setup(app)
    answers.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
