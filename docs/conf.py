"""How the documentation is built: `make docs`. Nothing is fetched from the network."""

import os
import re
import sys
from importlib import metadata
from pathlib import Path

# Gallery scripts run at each build, and share the machine with whatever else runs there.
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

project = "insilico"
author = "The insilico developers"
project_copyright = author
try:
    release = metadata.version("insilico-ephys")
except metadata.PackageNotFoundError:
    release = "not installed as a package"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery", "factorial/factorial.md", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
# `name` in a docstring links to what it names, where there is a page for it.
default_role = "py:obj"
add_module_names = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings say it, in the words of the field
autodoc_preserve_defaults = True
autosummary_generate = True
autosummary_ignore_module_all = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "gallery_built",
    "filename_pattern": r"\.py$",
    "run_stale_examples": True,
    "parallel": 2,
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("gallery_images.every_figure",),
    "reset_modules": ("matplotlib",),
    "doc_module": ("insilico", "stimuli"),
    "reference_url": {"insilico": None, "stimuli": None},
    "download_all_examples": False,
    # Figures are shown; what they are called is not.
    "ignore_repr_types": r"matplotlib\.",
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "thumbnail_size": (800, 400),
}

html_theme = "pydata_sphinx_theme"
html_title = "insilico"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
# Pages without pages below them have nothing to list at the side.
html_sidebars = {page.stem: [] for page in Path(__file__).parent.glob("*.md") if page.stem != "api"}
html_sidebars["gallery_built/00_getting_started"] = []
html_theme_options = {
    "logo": {"text": "insilico"},
    "navbar_align": "left",
    "header_links_before_dropdown": 9,
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-light",
    "pygments_dark_style": "a11y-dark",
}


def skip_member(_app, _what, _name, value, _skip, _options):
    """Fields of named tuples are described by their class, not one by one."""
    return True if type(value).__name__ == "_tuplegetter" else None


# Letters of names that are broken in tables, of numbers that never are, and of a sentence.
LONG_NAME, SHORT_NUMBER, SENTENCE = 18, 24, 45


def fit_to_the_page(_app, _page, _template, context, _doctree):
    """Let long names go on in a second line, and say which cells of tables hold sentences."""
    body = re.sub(r"<h[1-3]>.*?</h[1-3]>", _breakable, context.get("body", ""), flags=re.DOTALL)
    context["body"] = re.sub(r"<(t[dh])\b([^>]*)>(.*?)</\1>", _cell, body, flags=re.DOTALL)
    for neighbour in (context.get("prev"), context.get("next")):
        if neighbour:
            neighbour["title"] = re.sub(r"[^<>]+(?![^<]*>)", _broken, neighbour["title"])


def _cell(found):
    tag, attributes, inside = found.groups()
    text = re.sub(r"<[^>]*>", "", inside).strip()
    if len(text) > SENTENCE:
        attributes = _with_class(attributes, "sentence")
    elif len(text) <= SHORT_NUMBER and re.search(r"\d", text) and " " in text:
        attributes = _with_class(attributes, "number")
    inside = re.sub(rf"[\w.]{{{LONG_NAME},}}(?![^<]*>)", _broken, inside)
    return f"<{tag}{attributes}>{inside}</{tag}>"


def _with_class(attributes, name):
    if 'class="' in attributes:
        return attributes.replace('class="', f'class="{name} ', 1)
    return f'{attributes} class="{name}"'


def _breakable(found):
    return re.sub(r"[^<>]+(?![^<]*>)", _broken, found[0])


def _broken(found):
    return re.sub(r"(?<=[a-z0-9])([._])(?=[A-Za-z])", r"\1<wbr>", found[0])


def setup(app):
    app.connect("html-page-context", fit_to_the_page)
    app.connect("autodoc-skip-member", skip_member)
