"""Shape checks for the whole test run: jaxtyping annotations are verified by beartype.

Only in the modules that have such annotations: everything else is checked by mypy, and decorating
each of its functions took a tenth of the run.
"""

from pathlib import Path

from jaxtyping import install_import_hook

ROOT = Path(__file__).parent

install_import_hook(
    [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in ("stimuli", "insilico")
        for path in sorted((ROOT / package).rglob("*.py"))
        if "from jaxtyping import" in path.read_text(encoding="utf-8")
    ],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)
