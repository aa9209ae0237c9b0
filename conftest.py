"""Shape checks for the whole test run, and the browser of some tests."""

import gc
import shutil
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

ROOT = Path(__file__).parent

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

# Looking for rings of objects as often as Python does by itself took an eighth of the time of the
# tests of the report.
gc.set_threshold(200_000, 20, 20)

# Annotations of jaxtyping are verified by beartype. Only in the modules that have them: everything
# else is checked by mypy, and decorating each of its functions took a tenth of the run.
install_import_hook(
    [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in ("stimuli", "insilico")
        for path in sorted((ROOT / package).rglob("*.py"))
        if "from jaxtyping import" in path.read_text(encoding="utf-8")
    ],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)


@pytest.fixture(scope="session", autouse=True)
def figures_for_the_page_alone():
    """Draw the figures of a report once, and not for print as well: nobody looks at those."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("insilico.reporting.report.FORMATS", ("svg",))
        yield


@pytest.fixture(scope="module")
def chromium():
    """Chromium or Chrome, without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    found = [path for path in map(shutil.which, BROWSERS) if path]
    if not found:
        pytest.skip("no Chromium or Chrome on the PATH; Debian has it as apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found[0], args=["--no-sandbox"])
        yield browser
        browser.close()
