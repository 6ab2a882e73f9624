"""The site as one archive that works when unpacked anywhere, without a network: `python -m book.offline`."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
NAME = "the-engine-of-deep-learning"


def write(archive: Path = ROOT / "_build" / f"{NAME}.zip", site: Path = HTML) -> None:
    """Pack the built site into one folder; open its index.html. The same site gives the same bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(path for path in site.rglob("*") if path.is_file() and path.name != ".buildinfo"):
            entry = zipfile.ZipInfo(f"{NAME}/{path.relative_to(site).as_posix()}")
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    if not (HTML / "index.html").exists():
        sys.exit(f"{HTML} holds no site; run `make site` first")
    write()
