"""The pages of the documentation: every one is named on the first, and can be found from it."""

import re
import runpy
from pathlib import Path

import pytest

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


class TestTables:
    """Of the pages, as they are handed to the theme."""

    @pytest.fixture
    def fitted(self):
        fit = runpy.run_path(str(DOCS / "conf.py"))["fit_to_the_page"]

        def fitted(body, **context):
            context |= {"body": body}
            fit(None, None, None, context, None)
            return context

        return fitted

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("<td>comparison.html</td>", "<td>comparison.html</td>"),
            (
                '<td><span class="a_b.c_d_e_f_g_h">surround_suppression</span></td>',
                '<td><span class="a_b.c_d_e_f_g_h">surround_<wbr>suppression</span></td>',
            ),
            ("<td>0.09 (0.02 to 0.1)</td>", '<td class="number">0.09 (0.02 to 0.1)</td>'),
            ('<th class="head">93 to 97 %</th>', '<th class="number head">93 to 97 %</th>'),
            ("<td><p>several words</p></td>", "<td><p>several words</p></td>"),
            (f"<td>{'so ' * 20}</td>", f'<td class="sentence">{"so " * 20}</td>'),
            ("<h1>The <code>border_ownership</code></h1>",
             "<h1>The <code>border_<wbr>ownership</code></h1>"),
            ("<p>border_ownership</p>", "<p>border_ownership</p>"),
        ],
    )  # fmt: skip
    def test_long_names_are_broken_and_numbers_are_not(self, fitted, before, after):
        assert fitted(before)["body"] == after

    def test_neighbours_at_the_foot(self, fitted):
        context = fitted("", prev={"title": "The <code>border_ownership</code> battery"}, next=None)
        assert context["prev"]["title"] == "The <code>border_<wbr>ownership</code> battery"


@pytest.mark.browser
def test_no_page_is_wider_than_a_phone(chromium):
    """What is wider is moved sideways by itself; in the pages of the last `make docs`."""
    pages = sorted((DOCS / "_build" / "html").glob("*.html"))
    if not pages:
        pytest.skip("the documentation is not built: make docs")
    phone = chromium.new_page(viewport={"width": 390, "height": 844})
    wide = {}
    for page in pages:
        phone.goto(page.as_uri())
        width = phone.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide[page.name] = width
    assert not wide
