"""What the interactive figures are bundled with: locked, from no particular registry, and missed politely."""

from __future__ import annotations

import json

import pytest

from book import bundle


def test_lock_file_names_no_download_address():
    text = (bundle.SOURCES / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text and "resolved" not in text
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert all("integrity" in entry for entry in packages.values())


def test_every_import_of_a_package_is_locked():
    wanted = json.loads((bundle.SOURCES / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    imports = {
        line.rsplit('"', 2)[1]
        for path in bundle.sources()
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("import ") and '"d3-' in line
    }
    assert imports == set(wanted) - {"esbuild"}


def test_mathematics_touches_no_page():
    for path in (bundle.SOURCES / "mathematics").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("document", "window", "d3-", "../kit", "Math.random")), path.name


def test_missing_tools_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(bundle, "TOOLS", tmp_path)
    with pytest.raises(bundle.BundleError, match="make setup"):
        bundle.build(tmp_path / "out")


def test_stale_tools_are_noticed(monkeypatch, tmp_path):
    assert bundle.installed()
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "node_modules" / ".bin").mkdir(parents=True)
    (tmp_path / "node_modules" / ".bin" / "esbuild").touch()
    monkeypatch.setattr(bundle, "TOOLS", tmp_path)
    assert not bundle.installed()


def test_a_fault_in_a_figure_is_reported(monkeypatch, tmp_path):
    (tmp_path / "interactive.js").write_text("const = 1;")
    (tmp_path / "interactive.css").write_text("")
    (tmp_path / "package-lock.json").write_bytes((bundle.SOURCES / "package-lock.json").read_bytes())
    monkeypatch.setattr(bundle, "SOURCES", tmp_path)
    with pytest.raises(bundle.BundleError, match=r"interactive\.js:1"):
        bundle.build(tmp_path / "out")
