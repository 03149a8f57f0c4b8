"""Each chapter of "How networks are trained" runs from a bare checkout and makes its page and image."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "examples" / "training").glob("[0-9]*.py"))


def test_there_are_ten_chapters_each_with_a_page_and_a_image_that_the_index_names():
    pages = ROOT / "docs" / "how_networks_are_trained"
    index = (pages / "README.md").read_text()
    assert [path.stem[:2] for path in CHAPTERS] == [f"{n:02}" for n in range(1, 11)]
    for path in CHAPTERS:
        assert f"({path.stem}.md)" in index
        assert f"![{path.stem}]({path.stem}.png)" in (pages / f"{path.stem}.md").read_text()
        assert (pages / f"{path.stem}.png").stat().st_size > 10_000


@pytest.mark.usefixtures("few_epochs")
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs_with_a_single_seed_and_few_epochs(path, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(path.parent))
    import lab

    page = lab.run(runpy.run_path(str(path)), 1, None, tmp_path)
    assert page.startswith(f"# {int(path.stem[:2])}. ")
    assert "## What to use" in page
    assert re.search(r"\bnan\b", page) is None
    assert (tmp_path / f"{path.stem}.png").stat().st_size > 10_000
