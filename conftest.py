"""Shape checks for the whole test run: jaxtyping annotations are verified by beartype."""

from jaxtyping import install_import_hook

install_import_hook(
    ["stimuli", "insilico"], "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
)
