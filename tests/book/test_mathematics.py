"""Formulas are typeset when the site is built."""

import pytest
from sphinx.errors import ExtensionError

from book import mathematics

PAGE = r"""<html><head></head><body>
<p>Take <span class="math notranslate nohighlight">\(\eta &lt; 2\)</span>, and
<span class="math notranslate nohighlight">\(%s\)</span> too.</p>
<div class="math notranslate nohighlight" id="equation-a">
<span class="eqno">(1)<a href="#equation-a">#</a></span>\[w \leftarrow w - g\]</div></body></html>"""


def test_a_page_is_typeset_once_and_keeps_numbers_and_marks(tmp_path):
    page = tmp_path / "book" / "page.html"
    page.parent.mkdir()
    page.write_text(PAGE % r"\lambda", encoding="utf-8")
    mathematics.typeset_site(tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.count("<mjx-container") == 3 and "\\(" not in text and "\\[" not in text
    assert "</mjx-container></span>,</span> and" in text, "a line could begin with the comma"
    assert '<span class="eqno">(1)<a href="#equation-a">#</a></span><mjx-container' in text
    assert 'url("../_static/mathjax/MathJax_Main-Regular.woff")' in text
    assert (tmp_path / "_static" / "mathjax" / "MathJax_Main-Regular.woff").stat().st_size < 12_000
    mathematics.typeset_site(tmp_path)
    assert page.read_text(encoding="utf-8") == text


def test_a_formula_that_cannot_be_read_stops_the_build_and_is_named(tmp_path):
    (tmp_path / "page.html").write_text(PAGE % r"\frac{1}", encoding="utf-8")
    with pytest.raises(ExtensionError, match=r"\\frac\{1\}"):
        mathematics.typeset_site(tmp_path)


def test_a_wide_formula_is_cut_where_it_has_a_gap_and_nowhere_else(tmp_path):
    gap = r"a = 1, \qquad b = \left(2 \quad 3\right) \quad\text{and \qquad so}"
    assert [piece["tex"] for piece in mathematics.pieces(rf"\[{gap}\]")] == [
        "a = 1,",
        r"b = \left(2 \quad 3\right)",
        r"\text{and \qquad so}",
    ]
    for whole in (r"\(a \qquad b\)", r"\begin{aligned} a \qquad b \end{aligned}", r"\[a \{ b\]"):
        assert len(mathematics.pieces(whole)) == 1
    (tmp_path / "page.html").write_text(PAGE.replace("w - g", r"w - g \qquad 0 < g") % "x", encoding="utf-8")
    mathematics.typeset_site(tmp_path)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count('<div class="pieces"><mjx-container') == 1 and text.count("<mjx-container") == 4
