"""``insilico predict``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from insilico.cli.options import ModelOptions, Whole, Words
from insilico.errors import UserError
from insilico.folders import plain

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from insilico.predictivity import Predictivity
    from insilico.runs.results import Results

__all__ = ["predict"]

NO_BATTERY = "none"

# Within OUT, where the run of the battery is kept.
PROPERTIES = "properties"


def predict(
    model: str,
    /,
    *,
    assembly: Path,
    stimuli: Path | None = None,
    layer: Words = (),
    region: str = "V1",
    window: Annotated[tuple[float, float], Parameter(negative="")] = (50.0, 200.0),
    stratify: str | None = None,
    mapping: Literal["pls", "ridge"] = "pls",
    principal_components: Whole | None = None,
    image_degrees: float | None = None,
    battery: str | None = None,
    results: Path | None = None,
    neurons: Path | None = None,
    out: Path | None = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
    options: ModelOptions = ModelOptions(),
) -> None:
    """Score how well layers of a model predict recorded neurons, and find the one that is V1.

    Parameters
    ----------
    model : str
        As in 'insilico run'.
    assembly : Path
        Responses: a netCDF file as Brain-Score hosts them, or an array of stimulus x neuron (x
        repetition) in a .npy or .npz file.
    stimuli : Path, optional
        The csv file that names the pictures, or its folder; by default the folder of the responses.
    layer : tuple of str
        Layers to predict from, or 'all' for every one with several sites. See 'insilico layers'.
    region : str
        Which neurons of a netCDF file; 'all' for every one.
    window : tuple of float
        Time over which responses of a netCDF file are averaged, in ms.
    stratify : str, optional
        Column or coordinate of which every split has its share; texture_type, where there is one;
        none for none.
    mapping : {"pls", "ridge"}
        Partial least squares with 25 components, as published, or ridge regression.
    principal_components : int, optional
        So many are kept of the images learned from; by default all, which loses nothing.
    image_degrees : float, optional
        Width of the pictures, where the files do not say it.
    battery : str, optional
        Experiments that tell how V1-like the tuning of each layer is: standard, contrast,
        marques2020 or none. By default marques2020 for several layers, and none for one.
    results : Path, optional
        A finished run of the same model, or a prediction with one, in place of a battery.
    neurons : Path, optional
        New folder for digital neurons: readouts of the best layer, to be probed like any model.
    out : Path, optional
        New folder for the page and the tables; results/MODEL-predict by default. Nothing is
        overwritten.
    quiet : bool
        No progress bar.
    options : ModelOptions
        What can be said of any model.
    """
    import insilico
    from insilico.disk import saved
    from insilico.folders import check_free
    from insilico.models.built_in import BUILT_IN
    from insilico.models.layers import named_layers
    from insilico.models.trust import runs_only_ours
    from insilico.predictivity.optional import check_scikit_learn
    from insilico.reporting.predictivity import write_predictivity

    # What can be wrong is found out before the long part.
    check_scikit_learn()
    _check_battery(battery, results)
    folder = out if out is not None else Path("results") / f"{plain(model)}-predict"
    if neurons is not None and neurons.resolve() == folder.resolve():
        raise UserError(f"--neurons and --out are both {folder}. Give each a folder of its own.")
    for place in (folder, *([neurons] if neurons is not None else [])):
        check_free(place)
    if not assembly.is_file():
        raise UserError(f"there is no file of responses {assembly}. Look at its name and folder.")
    data = insilico.open_neurons(
        assembly,
        stimuli,
        region=None if region == "all" else region,
        window=window,
        stratify=stratify,
        degrees=image_degrees,
    )
    module = options.load(model)
    layers = named_layers(module, layer) or None
    measured = None if results is None else _opened(results, module)

    found = insilico.predict(
        module,
        data,
        layers,
        mapping=mapping,
        principal_components=principal_components,
        device=options.device,
        seed=options.seed,
        progress=not quiet,
    )
    folder, trouble = saved(found.save, folder)
    fitted = None
    if neurons is not None:
        fitted = found.fit_neurons()
        neurons, lost = saved(fitted.save, neurons)
        trouble = f"{trouble} {lost}".strip()
    plan = battery or ("marques2020" if len(found.layers) > 1 else NO_BATTERY)
    if measured is None and plan != NO_BATTERY:
        # The battery takes longest: who stops it keeps a whole page.
        write_predictivity(found, folder)
        chosen = [str(name) for name in found.layers["layer"]]
        measured = _measure(module, chosen, plan, folder, options, quiet=quiet)
    table, doubts = found.layers, list[str]()
    if measured is not None:
        table, doubts = _with_properties(found, measured, folder)
    page = write_predictivity(found, folder, layers=table, notes=doubts)
    _tell(table, [*found.warnings, *doubts])
    if fitted is not None:
        spec = fitted.base.arguments["spec"]
        trust = "" if runs_only_ours(spec, BUILT_IN) else " --trust-code"
        print(
            f"digital neurons, read out of {fitted.layer}: {neurons}\n"
            f"probe them with: insilico run digital:{neurons}{trust}"
        )
    print(f"page: {page}")
    if trouble:
        raise UserError(trouble)


def _check_battery(battery: str | None, results: Path | None) -> None:
    from insilico.experiments.batteries import BATTERIES

    known = (*BATTERIES, NO_BATTERY)
    if battery is not None and battery not in known:
        raise UserError(f"battery must be one of {', '.join(known)}; got {battery!r}.")
    if battery not in (None, NO_BATTERY) and results is not None:
        raise UserError(
            "--results is a finished run, in place of a new one of a battery. Give one of them."
        )


def _opened(folder: Path, model: "nn.Module") -> "Results":
    """Open a finished run, and refuse one of another model."""
    from insilico.models.card import ModelCard
    from insilico.models.weights import weights_hash
    from insilico.predictivity.layers import check_same_model
    from insilico.runs.results import open_results

    own = folder / PROPERTIES
    results = open_results(own if own.is_dir() else folder)
    card = model.card
    assert isinstance(card, ModelCard)
    here = {
        "weights_hash": weights_hash(model),
        "pixels": card.display.height,
        "degrees": card.display.degrees[0],
        "normalisation": card.normalisation,
    }
    check_same_model(here, results)
    return results


def _measure(
    model: "nn.Module",
    layers: list[str],
    battery: str,
    folder: Path,
    options: ModelOptions,
    *,
    quiet: bool,
) -> "Results":
    """Run a battery on the layers, and keep the run beside the prediction."""
    import insilico
    from insilico.reporting.report import write_report

    results = insilico.run(
        model,
        layers,
        battery=battery,
        device=options.device,
        seed=options.seed,
        progress=not quiet,
    )
    place = results.save(folder / PROPERTIES)
    print(f"report of the {battery} battery: {write_report(results, place)}")
    return results


def _with_properties(
    found: "Predictivity", results: "Results", folder: Path
) -> "tuple[pd.DataFrame, list[str]]":
    """Join the scores of properties, write them down, and say where they are doubtful."""
    from insilico.predictivity.layers import with_properties
    from insilico.tables import write_csv

    table = with_properties(found, results)
    write_csv(table, folder / "layers.csv")
    doubts = []
    without = table.loc[table["n_properties"] == 0, "layer"].astype(str)
    if len(without):
        doubts.append(
            f"without a score of any property, as not recorded or without a unit that has a value: "
            f"{', '.join(without)}"
        )
    counts = table.loc[table["n_properties"] > 0, "n_properties"]
    if counts.nunique() > 1:
        doubts.append(
            f"{counts.min()} to {counts.max()} properties have a score, depending on the layer: "
            "their means are not over the same ones"
        )
    return table, doubts


def _tell(table: "pd.DataFrame", notes: Sequence[str]) -> None:
    """Print the table, what its columns are, and the warnings."""
    import numpy as np

    from insilico.cli.terminal import aligned, wrapped
    from insilico.reporting.predictivity import readable_layers

    # What the page has in more detail.
    old = "explained_variance_before_2026"
    short = table.drop(columns=[f"{old}_low", f"{old}_high"])
    readable = readable_layers(short).drop(columns=["features", "properties"], errors="ignore")
    print(f"{aligned(readable)}\n")
    legend = (
        "r: median of neurons, with its 95 % interval. r\N{SUPERSCRIPT TWO} / ceiling: explained "
        "variance, as the published benchmark takes it since 2026; (r / ceiling)"
        "\N{SUPERSCRIPT TWO}: as it did before."
    )
    ceiling = float(table["ceiling"].iloc[0])
    if np.isfinite(ceiling):
        legend += (
            f" The ceiling is {ceiling:.2f}, and r of a perfect model "
            f"{np.sqrt(max(ceiling, 0)):.2f}."
        )
    print(wrapped(legend))
    for note in notes:
        print(f"\n{wrapped(note, 'warning: ')}")
    print()
