"""What the default theme loads and no reader needs: icons as a script, scripts that block, files nobody asks for."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pydata_sphinx_theme
from fontTools import subset, ttLib
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

_THEME = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme"
_ICON = re.compile(r'<(?P<tag>i|span) class="(?P<classes>[^"]*\bfa-solid\b[^"]*)"(?P<rest>[^>]*)>\s*</(?P=tag)>')
# Left over from the theme: every icon there is (1.5 MB of script, then the fonts), source maps, translations.
_UNUSED = (
    "scripts/fontawesome.js*",
    "styles/theme.css",
    "vendor",
    "**/*.map",
    "locales",
    "*webpack-macros.html",
    "images/logo_*",
    "sphinx-thebe*",
)


@cache
def _icons() -> dict[str, tuple[str, str]]:
    """Name of each solid icon of Font Awesome Free (CC BY 4.0) that the theme brings -> (view box, path)."""
    text = (_THEME / "static/scripts/fontawesome.js").read_text(encoding="utf-8")
    entry = re.compile(r'[{,]"?([a-z][a-z0-9-]*)"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"\]')
    return {name: (f"0 0 {width} {height}", path) for name, width, height, path in entry.findall(text)}


def draw_icons(page: str) -> str:
    """The page with its icons as SVG, which is what the theme's script would make of them in the browser."""

    def draw(match: re.Match) -> str:
        classes = match["classes"]
        name = next(name for name in re.findall(r"fa-([a-z0-9-]+)", classes) if name not in ("solid", "lg"))
        if name not in _icons():
            raise ExtensionError(f"the theme has no icon {name!r}: <{match['tag']} class={classes!r}>")
        box, path = _icons()[name]
        rest = re.sub(r'\s+title="[^"]*"', "", match["rest"])
        return (
            f'<svg class="svg-inline--fa {" ".join(classes.split())}"{rest} viewBox="{box}" aria-hidden="true">'
            f'<path fill="currentColor" d="{path}"/></svg>'
        )

    return _ICON.sub(draw, page)


def defer_scripts(page: str) -> str:
    """The page with its scripts read after it has appeared. What the lines between them need is written in place."""
    page = re.sub(r'<script (?!defer)([^>]*\bsrc="[^"]*")></script>', r"<script defer \1></script>", page)
    return re.sub(r'<script defer (src="[^"]*/documentation_options\.js[^"]*")>', r"<script \1>", page)


# What browsers and assistive technology stumble over in what Sphinx and the themes write -> how it should be.
_REPAIRS = (
    # a size that the style sheet may change, and that keeps its place all the same
    (r'style="width: (\d+)px; height: (\d+)px;"', r'width="\1" height="\2"'),
    # the arrow that opens a chapter in the sidebar has no name
    (r'(<a class="[^"]*" href="[^"]*">([^<]*)</a><details[^>]*>)<summary>', r'\1<summary aria-label="Pages of \2">'),
    # names that say something else than the text beside them
    (r'(<button class="btn search-button-field[^>]*?) aria-label="[^"]*"', r"\1"),
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    # the sidebar is outside every landmark
    (r'<div id="pst-primary-sidebar"', r'<div id="pst-primary-sidebar" role="region" aria-label="Course contents"'),
    # the empty corner of a table heads nothing
    (r'<th class="head"><p></p></th>', '<td class="head"></td>'),
    # the theme has colours for "light" and "dark" only, and chooses late, or never where there are no scripts
    (r'(<html [^>]*data-theme=)"auto"', r'\1"light"'),
    (
        r'(localStorage\.getItem\("theme"\) \|\| )"auto"',
        r'\1(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")',
    ),
    # a list without items, and a role that WAI-ARIA has deprecated
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    (r' role="doc-biblioentry"', ""),
)


def repair(page: str) -> str:
    """The page with `_REPAIRS` made."""
    for pattern, better in _REPAIRS:
        page = re.sub(pattern, better, page)
    return page


def trim_styles(styles: Path) -> None:
    """Keep, of two thousand icons in the theme's style sheet, the font with those that its own rules draw."""
    sheet = styles / "pydata-sphinx-theme.css"
    text = sheet.read_text(encoding="utf-8")
    if "fa-solid-900" not in text:
        return  # an earlier build has done it
    text = re.sub(r'(?:\.fa-[a-z0-9-]+:before,?)+\{(?:content|--fa):"[^"]*"\}', "", text)
    text = re.sub(r"@font-face\{[^}]*(?:fa-regular|fa-brands)[^}]*\}", "", text)
    text = re.sub(r"(@font-face\{[^}]*)src:[^}]*fa-solid[^}]*\}", r'\1src:url(icons.woff) format("woff")}', text)
    drawn = [*re.findall(r'--pst-icon-[a-z-]+:\s*"(.)"', text), "\uf107"]  # the last is the book theme's arrow
    font = ttLib.TTFont(_THEME / "static/vendor/fontawesome/webfonts/fa-solid-900.ttf")
    reducer = subset.Subsetter(subset.Options(flavor="woff", notdef_outline=True, layout_features=[]))
    reducer.populate(unicodes=map(ord, drawn))
    reducer.subset(font)
    font.flavor = "woff"
    font.save(styles / "icons.woff")
    sheet.write_text(text, encoding="utf-8")


def remove_unused(app: Sphinx) -> None:
    """Delete what no page refers to: the theme's leftovers, and figures of earlier builds."""
    static = Path(app.outdir, "_static")
    trim_styles(static / "styles")
    for pattern in _UNUSED:
        for path in static.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for script in static.rglob("*.js"):  # themes talk to the console, and name maps that are gone
        text = script.read_text(encoding="utf-8")
        text = re.sub(r"\n//# sourceMappingURL=.*", "", text).replace("console.log(", "void(")
        script.write_text(text, encoding="utf-8")
    remove_unnamed_images(Path(app.outdir))


def remove_unnamed_images(site: Path) -> None:
    """Delete the figures of earlier builds.

    The pages themselves say what is used: Sphinx remembers the dark figures only of pages that this build has written.
    """
    pages = (page.read_text(encoding="utf-8") for page in site.rglob("*.html"))
    used = {unquote(name) for page in pages for name in re.findall(r"_images/([^\"'?#\s)]+)", page)}
    for path in (site / "_images").glob("*"):
        if path.name not in used:
            path.unlink()
