"""What the finishing of pages leaves on the disk."""

from book import theme


def test_figures_stay_as_long_as_a_page_names_them(tmp_path):
    """Also the dark ones of pages that an incremental build has not written again."""
    images = tmp_path / "_images"
    images.mkdir()
    for name in ("a.svg", "a-dark.svg", "with space.png", "of an earlier build.svg"):
        (images / name).touch()
    page = tmp_path / "book" / "page.html"
    page.parent.mkdir()
    page.write_text(
        '<img src="../_images/a.svg"><img src="../_images/a-dark.svg"><a href="../_images/with%20space.png">',
        encoding="utf-8",
    )
    theme.remove_unnamed_images(tmp_path)
    assert {path.name for path in images.iterdir()} == {"a.svg", "a-dark.svg", "with space.png"}
