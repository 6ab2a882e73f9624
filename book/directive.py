"""The directive `interactive`: a figure that moves, in the place of a picture that stands still.

    ```{interactive} learning-rate
    ---
    picture: fig-gd-bars
    presets: |
      the best rate: lr=0.0952
      over the border: lr=0.102
    question: You raise the rate. Which bar crosses the line first?
    choices: the flattest | the steepest
    answer: 2
    reveal: lr=0.102
    ---
    The steepest ... (what is shown with the answer)
    ```

The argument names a figure of book/interactive/figures. `picture` is the name of a figure on the same page, as a code
cell draws it: it stands there without JavaScript and in print, and its caption stays in any case. Settings (in `state`,
`presets` and `reveal`) are written as in the address of a page, `lr=0.102&step=30`. `options` go to the figure
as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from book import bundle

log = logging.getLogger(__name__)


class interactive(nodes.General, nodes.Element):
    """A figure that moves. Children: question and answer, if any, presets, and the picture."""


class Interactive(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {
        "picture": directives.unchanged_required,
        "name": directives.unchanged,
        "state": directives.unchanged,
        "options": directives.unchanged,
        "presets": directives.unchanged,
        "question": directives.unchanged,
        "choices": directives.unchanged,
        "answer": directives.positive_int,
        "reveal": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        figure = self.arguments[0]
        if "picture" not in self.options:
            raise self.error(f"interactive {figure}: expected `picture:` with the name of the figure that stands there")
        name = self.options.get("name", figure)
        for source in bundle.sources():  # a change there has the page written anew, and with it the bundle copied
            self.env.note_dependency(str(source))
        node = interactive(
            figure=figure,
            target=f"interactive-{name}",
            state=self.options.get("state", ""),
            options=self.options.get("options", ""),
            picture=self.options["picture"],
        )
        self.set_source_info(node)
        if "question" in self.options:
            node += self.question(f"interactive-{name}")
        elif self.content:
            raise self.error(f"interactive {figure}: the content is the answer to a question; found no `question`")
        if "presets" in self.options:
            node += self.presets()
        return [node]

    def question(self, target: str) -> list[nodes.Node]:
        choices = [text.strip() for text in self.options.get("choices", "").split("|")]
        answer = self.options.get("answer", 0)
        if len(choices) < 2 or not 1 <= answer <= len(choices) or not self.content:
            raise self.error(
                "a question needs two or more `choices`, divided by |, the number of the right one as `answer`, "
                f"and an explanation as content; found {len(choices)} choices, answer {answer}"
            )
        head = (
            f'<fieldset class="interactive-question" data-answer="{answer}" '
            f'data-state="{_escape(self.options.get("reveal", ""))}"><legend>Predict first</legend>'
        )
        made: list[nodes.Node] = [_html(head), nodes.paragraph("", "", *self.inline(self.options["question"]))]
        for number, text in enumerate(choices, start=1):
            made.append(_html(f'<label><input type="radio" name="{target}-choice" value="{number}"> <span>'))
            made += self.inline(text)
            made.append(_html("</span></label>"))
        made.append(_html('</fieldset><details class="interactive-answer"><summary>Reveal</summary>'))
        body = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, body)
        return [*made, *body.children, _html("</details>")]

    def inline(self, text: str) -> list[nodes.Node]:
        found, messages = self.state.inline_text(text, self.lineno)
        return [*found, *messages]

    def presets(self) -> list[nodes.Node]:
        buttons = []
        for line in filter(None, map(str.strip, self.options["presets"].splitlines())):
            label, colon, state = line.rpartition(":")
            if not colon:
                raise self.error(f"a preset is `what it shows: settings`; found {line!r}")
            buttons.append(
                f'<button type="button" data-state="{_escape(state.strip())}">{_escape(label.strip())}</button>'
            )
        return [_html(f'<div class="interactive-presets"><span>Try</span>{"".join(buttons)}</div>')]


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def place_pictures(app: Sphinx, doctree: nodes.document) -> None:
    """Move each picture into the figure that takes its place, the whole cell that draws it included."""
    for node in list(doctree.findall(interactive)):
        wanted = node["picture"]
        found = next((f for f in doctree.findall(nodes.figure) if wanted in f["names"] + f["ids"]), None)
        if found is None:
            log.warning("interactive %s: no figure on this page has the name %r", node["figure"], wanted, location=node)
            continue
        outer = found
        while outer.parent is not None and outer.get("nb_element") != "cell_code":
            outer = outer.parent
        if outer.parent is None:
            outer = found
        outer.parent.remove(outer)
        node += outer


def visit(writer, node: interactive) -> None:
    data = "".join(f' data-{key}="{_escape(node[key])}"' for key in ("figure", "state", "options"))
    writer.body.append(f'<div class="interactive" id="{node["target"]}"{data}>')


def depart(writer, node: interactive) -> None:
    writer.body.append("</div>")


def make_bundle(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    out = Path(app.outdir).parent / "interactive"
    try:
        bundle.build(out)
    except bundle.BundleError as error:
        raise ExtensionError(str(error)) from error
    app.config.html_static_path.append(str(out))


def load_where_needed(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    if doctree is not None and next(doctree.findall(interactive), None) is not None:
        app.add_js_file("interactive.js", loading_method="defer")
        app.add_css_file("interactive.css")


def setup(app: Sphinx) -> None:
    app.add_node(interactive, html=(visit, depart), latex=(lambda *_: None, lambda *_: None))
    app.add_directive("interactive", Interactive)
    app.connect("builder-inited", make_bundle)
    app.connect("doctree-read", place_pictures)
    app.connect("html-page-context", load_where_needed)
