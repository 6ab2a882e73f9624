"""What stands at the foot of every page, and the ways into an exercise: edit, report, cite, download, open elsewhere.

The address of the repository is one setting, `repository: url:` in _config.yml. While it is empty, links that need it
are not shown.
"""

from __future__ import annotations

import html
import re
import zipfile
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote, urlencode

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from autograder.course import Course

log = logging.getLogger(__name__)


def repository(app: Sphinx) -> tuple[str, str]:
    """Address of the repository, "" where none is set, and its branch."""
    options = app.config.html_theme_options
    return (options.get("repository_url") or "").rstrip("/"), options.get("repository_branch") or "main"


def links(url: str, branch: str, page: str, title: str) -> dict[str, str]:
    """Where a page can be edited and a mistake in it reported; nothing without a repository."""
    if not url:
        return {}
    inside = f"{url}/-" if "gitlab" in url else url
    new = "issue[title]" if "gitlab" in url else "title"
    return {
        "edit": f"{inside}/edit/{branch}/{page}.md",
        "report": f"{inside}/issues/new?{urlencode({new: f'{title} ({page})'})}",
    }


def elsewhere(url: str, branch: str, chapter: str) -> dict[str, str]:
    """Where an exercise can be opened without installing anything. Both services read public GitHub repositories."""
    found = re.fullmatch(r"https://github\.com/([^/]+/[^/]+?)(?:\.git)?", url)
    if not found:
        return {}
    notebook = f"exercises/{chapter}/{chapter}.ipynb"
    return {
        "Colab": f"https://colab.research.google.com/github/{found[1]}/blob/{branch}/{notebook}",
        "Binder": f"https://mybinder.org/v2/gh/{found[1]}/{branch}?labpath={quote(notebook, safe='')}",
    }


def citation(app: Sphinx, title: str, address: str) -> dict[str, str]:
    """How to cite a page, as a sentence and as BibTeX."""
    author, course = app.config.author, app.config.html_title
    year, number = app.config.copyright, version("engine-of-deep-learning")
    whole = title in ("", course)
    plain = f"{author} ({year}). {'' if whole else title + '. In '}{course}, version {number}."
    key = re.sub(r"\W+", "_", f"engine {year}" if whole else f"engine {year} {title}").strip("_").lower()
    rows = {
        "title": course if whole else f"{title}",
        "author": f"{{{author}}}",
        "year": year,
        "note": f"Version {number}",
    }
    if not whole:
        rows["booktitle"] = course
    if address:
        plain += f" {address}"
        rows["url"] = address
    kind = "misc" if whole else "incollection"
    bibtex = f"@{kind}{{{key},\n" + "".join(f"  {name} = {{{text}}},\n" for name, text in rows.items()) + "}"
    return {"plain": plain, "bibtex": bibtex}


def add_to_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Give the templates what the foot of a page shows."""
    if doctree is None:  # the search page and the index have no source
        return
    title = app.env.titles[pagename].astext() if pagename in app.env.titles else ""
    url, branch = repository(app)
    context["feedback"] = links(url, branch, pagename, title)
    context["citation"] = citation(app, title, context.get("pageurl") or url)


def add_ways_in(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the ways into an exercise under the heading "Get it" of its page."""
    found = re.fullmatch(r"book/(\w+)/exercise", docname)
    if not found or app.builder.format != "html":
        return
    chapter = found[1]
    section = next((one for one in doctree.findall(nodes.section) if "get-it" in one["ids"]), None)
    if section is None:
        log.warning("the page of an exercise needs a section called “Get it”", location=docname)
        return
    url, branch = repository(app)
    ways = {"Download it all (zip)": f"../../_downloads/{chapter}.zip"}
    ways |= {f"Open in {name}": address for name, address in elsewhere(url, branch, chapter).items()}
    buttons = "".join(f'<a href="{html.escape(address)}">{text}</a>' for text, address in ways.items())
    note = ""
    data = " and ".join(f"<code>{path.name}</code>" for path in Course().data_files(chapter))
    if "Open in Colab" in ways and data:
        note = f"<p>Colab opens the notebook alone: there, upload {data} to the file panel. Binder brings both.</p>"
    section.insert(1, nodes.raw("", f'<p class="ways-in">{buttons}</p>{note}', format="html"))


def write_archives(outdir: Path) -> None:
    """One zip file an exercise, with the folder that students get in it; the same bytes for the same exercise."""
    folder = outdir / "_downloads"
    folder.mkdir(exist_ok=True)
    for exercise in sorted(path for path in Course().exercises.iterdir() if path.is_dir()):
        with zipfile.ZipFile(folder / f"{exercise.name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(exercise.rglob("*")):
                if path.is_file() and ".ipynb_checkpoints" not in path.parts:
                    name = path.relative_to(exercise.parent).as_posix()
                    archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", add_to_page)
    app.connect("doctree-resolved", add_ways_in)
