"""``insilico run``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from insilico.cli.options import ModelOptions, Whole, Words, most_units_of
from insilico.cli.own_references import references_named
from insilico.errors import UserError
from insilico.folders import plain

if TYPE_CHECKING:
    from insilico.runs.results import Results

__all__ = ["run"]


def run(
    model: str,
    /,
    *,
    layer: Words = (),
    battery: str = "standard",
    protocols: Words = (),
    out: Path | None = None,
    sites: Words = (),
    candidates: Literal["near", "all"] = "near",
    reference: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    textures: Path | None = None,
    photographs: Path | None = None,
    crop: Literal["auto", "off"] = "auto",
    phases: Literal["keep", "harmonics"] = "keep",
    precision: Literal["float32", "tf32", "bfloat16"] = "float32",
    layout: Words = (),
    time: Literal["frames", "time_first", "channel_first", "phases"] | None = None,
    frame_rate: float | None = None,
    rates: bool = True,
    spikes: str | None = None,
    trials: Whole | None = None,
    most_units: Annotated[str | None, Parameter(show_default=False)] = None,
    quick: bool = False,
    untrained: Annotated[bool, Parameter(negative="")] = False,
    fresh: Annotated[bool, Parameter(negative="")] = False,
    mend: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
    options: ModelOptions = ModelOptions(),
) -> None:
    """Record a model, measure the tuning of its units, and compare them with macaque V1.

    With --untrained, or with several --degrees, each run has a folder of its own within OUT, and
    OUT/comparison sets them side by side.

    A run that was stopped goes on where it stopped: the same command, with the same folder.

    Parameters
    ----------
    model : str
        vone, textbook, torchvision:NAME, timm:NAME, package.module:function or
        path/to/file.py:function. The function takes no arguments and returns a torch module, or a
        function from an array of images to an array.
    layer : tuple of str
        Layers to record, or 'all' for every one with several sites. See 'insilico layers'.
    battery : str
        Which experiments to do: standard, or another that 'insilico protocols' lists, or
        file.py:NAME for one of your own.
    protocols : tuple of str
        Some experiments of the battery only, with those that they depend on; see 'insilico
        protocols'.
    out : Path, optional
        Folder for the results; results/MODEL-BATTERY by default. It is new, or holds the same run:
        that goes on there if it was stopped. Nothing is overwritten.
    sites : tuple of str
        Which sites of each feature map: centre, all, lattice (5 x 5), a diameter in
        degrees, or ROW,COLUMN ...; the battery decides by default.
    candidates : {"near", "all"}
        Of a battery that selects units by their receptive field: whether it is mapped at the sites
        that look nearby, or at every site of a layer, as the published benchmark does.
    reference : tuple of str
        A netCDF file of neuronal properties, as Brain-Score hosts them: its distributions are
        compared with too, or in place of those of the same name. Or a csv file of your own: one row
        per cell, or histograms, as 'insilico reference --template' begins it; or PROPERTY=FILE.csv,
        one histogram with the columns bin_low, bin_high and count. Can be given more than once.
    textures : Path, optional
        Folder of textures and noise to show in place of ours: tex-NAME-im1-smp1.png ... and
        noise-NAME-im1-smp1.png ...
    photographs : Path, optional
        Folder of photographs for natural_images, in place of those of scikit-image and
        scikit-learn: 8 bits per channel, or grey with 16.
    crop : {"auto", "off"}
        Whether units may be shown only the part of a picture that they are proven to see.
    phases : {"keep", "harmonics"}
        Whether the response to every phase of a grating is kept, or only its mean and its
        modulation (F0 and F1), which take less memory.
    precision : {"float32", "tf32", "bfloat16"}
        What the model computes in. tf32 is faster on NVIDIA GPUs, and rounds what it multiplies to
        10 bits: other units may be selected. bfloat16 is faster on some devices, to three digits.
    layout : tuple of str
        How a layer is laid out where its shape cannot tell, [LAYER=]LAYOUT: map, map_last, vector,
        or rows and columns of sites, as in 9x16.
    time : {"frames", "time_first", "channel_first", "phases"}, optional
        How the model takes movies: frame by frame, with a state; or whole, as (batch, time,
        channel, height, width) or (batch, channel, time, height, width). A static model can be
        shown what moves as phases, each frame by itself.
    frame_rate : float, optional
        Frames per second, of movies; 60 unless the model says otherwise.
    rates : bool
        Whether activations are mapped to firing rates.
    spikes : str, optional
        Draw spikes at these rates where the battery asks how they vary, and for trials: poisson.
    trials : int, optional
        How often everything is repeated, for intervals of every property (repeats.csv): an even
        number of repeats of spikes, or of a model with noise of its own.
    most_units : str, optional
        Of how many units of each layer, drawn at random, or 'all'. The battery decides by default:
        standard, colour and marques2020 record all, eccentricity 128, the others 64.
    quick : bool
        Every step on few stimuli and few units, to see whether it works; marked as such in all
        that is written.
    untrained : bool
        Whether the same architecture with random weights is recorded too, as a control.
    fresh : bool
        Begin in a new folder beside OUT, if OUT holds something.
    mend : bool
        Record anew what is damaged in OUT; what is whole stays.
    quiet : bool
        No progress bar.
    options : ModelOptions
        What can be said of any model.
    """
    from insilico.cli.compare import write_comparison
    from insilico.experiments.batteries import find_battery
    from insilico.experiments.natural_images import with_photographs
    from insilico.experiments.textures import with_textures
    from insilico.figures.pages import check_pages
    from insilico.folders import beside, check_free
    from insilico.runs.cell_run import loaded
    from insilico.runs.cells import cells
    from insilico.runs.progress import is_complete
    from insilico.runs.run import run as run_model
    from insilico.runs.side_by_side import without_recordings
    from insilico.runs.store import check_new
    from stimuli.textures.sets import from_folder

    folder = (
        out
        if out is not None
        else Path("results") / "-".join([plain(model), plain(battery), *["quick"] * quick])
    )
    folder = beside(folder) if fresh else folder
    planned = cells(
        model,
        weights=[options.weights] if options.weights else (),
        layers=[layer],
        degrees=options.degrees or (),
        seeds=[options.seed],
        untrained=untrained,
        load=options.loading,
    )
    several = len(planned) > 1
    places = {each.name: folder / each.name if several else folder for each in planned}
    for place in places.values():
        check_new(place)
    comparison = folder / "comparison"
    complete = all(is_complete(each) for each in places.values())
    if several and not complete:
        check_free(comparison)
    own = [each for given in reference for each in references_named(given)]
    shown, placement = find_battery(battery)
    check_pages(shown)
    if textures is not None:
        shown = with_textures(shown, from_folder(folder=textures))
    if photographs is not None:
        shown = with_photographs(shown, photographs)
    if untrained:
        # Whether there is a control is found out before the first run, and not after it.
        loaded(planned[1])
    runs = {}
    for cell in planned:
        whole = is_complete(places[cell.name])
        results = run_model(
            loaded(cell),
            layer or None,
            seed=cell.seed,
            out=places[cell.name],
            mend=mend,
            battery=shown,
            protocols=protocols or None,
            place=placement,
            sites=_sites(sites),
            candidates=candidates,
            references=own,
            device=options.device,
            rates=rates,
            spikes=spikes,
            trials=trials,
            most_units=most_units_of(most_units),
            quick=quick,
            crop=crop,
            phases=phases,
            precision=precision,
            layout=_layout(layout),
            time=time,
            frame_rate=frame_rate,
            progress=not quiet,
        )
        _tell(results, places[cell.name], whole=whole and not mend)
        runs[cell.name] = without_recordings(results)
    if several and not (complete and (comparison / "comparison.html").is_file()):
        write_comparison(runs, comparison, seed=options.seed, quiet=quiet)


def _tell(results: "Results", folder: Path, *, whole: bool) -> None:
    """Print what a run found, and make the report if there is none."""
    from insilico.cli.terminal import summary
    from insilico.reporting.report import PAGE, write_report

    page = folder / PAGE
    if whole and page.is_file():
        print(f"{folder} is complete: nothing was recorded.\n\nreport: {page}")
        return
    page = write_report(results, folder)
    print(f"{summary(results)}\n\nreport: {page}")


def _layout(words: Sequence[str]) -> str | dict[str, str] | None:
    """Read [LAYER=]LAYOUT ..."""
    if len(words) == 1 and "=" not in words[0]:
        return words[0]
    pairs = [word.rpartition("=") for word in words]
    if not all(layer and layout for layer, _, layout in pairs):
        raise UserError(
            "several layouts need the names of their layers, as in LAYER=map LAYER=9x16; got "
            f"{' '.join(words)!r}."
        )
    return {layer: layout for layer, _, layout in pairs} or None


def _sites(words: Sequence[str]) -> Any:
    if not words:
        return None
    if len(words) == 1 and words[0] in ("centre", "all", "lattice"):
        return words[0]
    try:
        if len(words) == 1 and "," not in words[0]:
            return float(words[0])
        return [(int(row), int(column)) for row, column in (word.split(",") for word in words)]
    except ValueError as error:
        raise UserError(
            "sites must be centre, all, lattice, a diameter in degrees, or ROW,COLUMN ...; got "
            f"{' '.join(words)!r}."
        ) from error
