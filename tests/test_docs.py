"""The pages of the documentation: every one is named on the first, and can be found from it."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
INDEX = (DOCS / "index.md").read_text()
PAGES = sorted(path.stem for path in DOCS.glob("*.md") if path.stem != "index")


def test_the_first_page_names_every_page():
    described, listed = INDEX.split("```{toctree}")
    named = re.findall(r"^\[.+\]\((\w+)\.md\)\n: \w", described, re.MULTILINE)
    assert sorted(named) == PAGES
    # In this order pages have their neighbours at the foot.
    assert sorted(re.findall(r"^.+ <(\w+)>$", listed, re.MULTILINE)) == PAGES


def test_links_of_the_readme_lead_somewhere():
    readme = (DOCS.parent / "README.md").read_text()
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", readme)
    assert len(targets) > 10
    assert not [target for target in targets if not (DOCS.parent / target).exists()]
