"""The command line. Each command's help is its docstring."""

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from insilico.commands.compare import compare
from insilico.commands.evaluate import evaluate
from insilico.commands.factorial import factorial
from insilico.commands.options import ModelOptions, Words
from insilico.commands.predict import predict
from insilico.commands.preparing import check_writable, layers_named, plain
from insilico.commands.textures import textures
from insilico.commands.train import train
from insilico.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from insilico.protocol import Battery
    from insilico.sweep import Condition

__all__ = ["app", "main"]

OUR_PACKAGES = ("insilico", "stimuli")

# Exit codes, as shells and other tools have them.
USER_ERROR = 2
INTERRUPTED = 130


def _version() -> str:
    try:
        return version("insilico-ephys")
    except PackageNotFoundError:
        return "not installed as a package"


app = App(
    name="insilico",
    help="A virtual V1 rig: show gratings to a vision model, record its units, compare them with "
    "macaque V1.",
    help_format="markdown",
    version=_version,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)


for _command in (compare, predict, train, evaluate, factorial, textures):
    app.command(_command)


@app.command
def run(
    model: str,
    /,
    *,
    layer: Words = (),
    battery: str = "standard",
    out: Path | None = None,
    sites: Words = (),
    candidates: Literal["near", "all"] = "near",
    reference: Annotated[tuple[Path, ...], Parameter(negative="", show_default=False)] = (),
    textures: Path | None = None,
    crop: Literal["auto", "off"] = "auto",
    phases: Literal["keep", "harmonics"] = "keep",
    precision: Literal["float32", "bfloat16"] = "float32",
    rates: bool = True,
    untrained: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
    options: ModelOptions = ModelOptions(),
) -> None:
    """Record a model, measure the tuning of its units, and compare them with macaque V1.

    With --untrained, or with several --degrees, each run has a folder of its own within OUT, and
    OUT/comparison sets them side by side.

    Parameters
    ----------
    model : str
        vone, textbook, torchvision:NAME, timm:NAME, package.module:function or
        path/to/file.py:function. The function takes no arguments and returns a torch module, or a
        function from an array of images to an array.
    layer : tuple of str
        Layers to record, or 'all' for every one with several sites. See 'insilico layers'.
    battery : str
        Which experiments to do.
    out : Path, optional
        New folder for the results; results/MODEL-BATTERY by default. Nothing is overwritten.
    sites : tuple of str
        Which sites of each feature map: centre, all, a diameter in degrees, or ROW,COLUMN ...;
        the battery decides by default.
    candidates : {"near", "all"}
        Of a battery that selects units by their receptive field: whether it is mapped at the sites
        that look nearby, or at every site of a layer, as the published benchmark does.
    reference : tuple of Path
        A netCDF file of neuronal properties, as Brain-Score hosts them: its distributions are
        compared with too, or in place of those of the same name. Can be given more than once.
    textures : Path, optional
        Folder of textures and noise to show in place of ours: tex-NAME-im1-smp1.png ... and
        noise-NAME-im1-smp1.png ...
    crop : {"auto", "off"}
        Whether units may be shown only the part of a picture that they are proven to see.
    phases : {"keep", "harmonics"}
        Whether the response to every phase of a grating is kept, or only its mean and its
        modulation (F0 and F1), which take less memory.
    precision : {"float32", "bfloat16"}
        What the model computes in; bfloat16 is faster on some devices, to three digits.
    rates : bool
        Whether activations are mapped to firing rates.
    untrained : bool
        Whether the same architecture with random weights is recorded too, as a control.
    quiet : bool
        No progress bar.
    options : ModelOptions
        What can be said of any model.
    """
    import insilico
    from insilico.commands.compare import write_comparison
    from insilico.folders import check_free
    from insilico.reference import from_assembly
    from insilico.report import write_report
    from insilico.side_by_side import without_recordings
    from insilico.sweep import conditions
    from insilico.terminal import summary

    folder = out if out is not None else Path("results") / f"{plain(model)}-{plain(battery)}"
    planned = conditions(options.degrees or (), untrained=untrained)
    check_free(folder)
    check_writable(folder)
    own = [each for file in reference for each in from_assembly(file).values()]
    plan = battery if textures is None else _showing(textures, battery)
    if untrained:
        # Whether there is a control is found out before the first run, and not after it.
        _under(planned[1], model, options)
    runs = {}
    for condition in planned:
        module = _under(condition, model, options)
        results = insilico.run(
            module,
            layers_named(layer, module, model),
            battery=plan,
            sites=_sites(sites),
            candidates=candidates,
            references=own,
            device=options.device,
            seed=options.seed,
            rates=rates,
            crop=crop,
            phases=phases,
            precision=precision,
            progress=not quiet,
        )
        place = folder / condition.name if len(planned) > 1 else folder
        results.save(place)
        page = write_report(results, place)
        print(f"{summary(results)}\n\nreport: {page}")
        runs[condition.name] = without_recordings(results)
    if len(runs) > 1:
        write_comparison(runs, folder / "comparison", seed=options.seed)


def _showing(folder: Path, battery: str) -> "Battery":
    """Put the textures of a folder into a battery."""
    from insilico.protocols import BATTERIES
    from insilico.protocols.textures import with_textures
    from stimuli.textures import from_folder

    if battery not in BATTERIES:
        raise UserError(f"battery must be one of {', '.join(BATTERIES)}; got {battery!r}.")
    return with_textures(BATTERIES[battery], from_folder(folder))


def _under(condition: "Condition", spec: str, options: ModelOptions) -> "nn.Module":
    """Load a model for one run of several."""
    from insilico.sweep import untrained_control

    degrees = None if condition.degrees is None else (condition.degrees,)
    options = replace(options, degrees=degrees)
    model = options.load(spec)
    if not condition.untrained:
        return model
    return untrained_control(
        model,
        lambda seed: replace(options, weights=None, seed=seed).load(spec),
        seed=options.seed,
    )


@app.command
def layers(model: str, /, *, options: ModelOptions = ModelOptions()) -> None:
    """List the layers of a model: the shape of what they put out, and what a unit of them sees.

    Parameters
    ----------
    model : str
        As in 'insilico run'.
    options : ModelOptions
        What can be said of any model.
    """
    from insilico.models.layers import layer_table
    from insilico.terminal import aligned

    module = options.load(model)
    table = layer_table(module, fields=True)
    card: Any = module.card
    shapes = table["shape"]
    table["shape"] = ["" if shape is None else " x ".join(map(str, shape)) for shape in shapes]
    table["sees"] = [_field(size, card.display.px_per_deg) for size in table["field"]]
    table["note"] = [
        "V1 by default" if name in card.layers else _calls(calls)
        for name, calls in zip(table["layer"], table["calls"], strict=True)
    ]
    print(aligned(table[["layer", "type", "shape", "sees", "note"]]))


@app.command
def stimuli(
    name: str,
    /,
    *,
    out: Path,
    battery: str = "standard",
    degrees: float = 8.0,
    pixels: int = 224,
) -> None:
    """Draw a contact sheet of the stimuli of an experiment.

    Parameters
    ----------
    name : str
        An experiment of the battery: orientation, say.
    out : Path
        New image file; .png, .pdf or .svg.
    battery : str
        Which battery the experiment belongs to.
    degrees : float
        Side of the visual field in degrees.
    pixels : int
        Side of the display in pixels.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    from insilico.figures import contact_sheet, style
    from insilico.protocols import BATTERIES
    from stimuli import Display, Position

    plan = BATTERIES.get(battery)
    if plan is None:
        raise UserError(f"battery must be one of {', '.join(BATTERIES)}; got {battery!r}.")
    protocols = {protocol.name: protocol for protocol in plan.protocols}
    if name not in protocols:
        raise UserError(
            f"the {battery} battery has no experiment {name!r}; it has {', '.join(protocols)}."
        )
    if out.exists():
        raise UserError(f"{out} already exists, and nothing is overwritten. Choose another name.")
    known = FigureCanvasBase.get_supported_filetypes()
    if out.suffix[1:].lower() not in known:
        raise UserError(f"{out} must end in one of .{', .'.join(sorted(known))}.")
    display = Display.square(pixels, degrees, background=plan.background)
    shown = protocols[name].stimuli(display, plan.position or Position())
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet = contact_sheet(shown)
    with style():
        sheet.savefig(out)
    print(f"{len(shown)} stimuli, {shown.content_hash()}: {out}")


@app.command
def reference(name: str | None = None, /) -> None:
    """List the published distributions that models are compared with, or show one of them.

    Parameters
    ----------
    name : str, optional
        The distribution to show, or how its name begins; all are listed by default.
    """
    import pandas as pd

    from insilico import reference as published
    from insilico.terminal import aligned, distribution_page

    names = [each for each in published.names() if each.startswith(name or "")]
    if name is not None and (name in names or not names):
        print(distribution_page(published.load(name)))
        return
    known = [published.load(each) for each in names]
    print(
        aligned(
            pd.DataFrame(
                {
                    "name": [each.name for each in known],
                    "cells": [each.n for each in known],
                    "units": ["" if each.units == "1" else each.units for each in known],
                    "grade": [each.grade for each in known],
                }
            )
        )
    )


@app.command
def report(folder: Path, /) -> None:
    """Write the report of a finished run again.

    Parameters
    ----------
    folder : Path
        The folder of results.
    """
    from insilico.report import write_report
    from insilico.results import open_results

    print(f"report: {write_report(open_results(folder), folder)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    A `UserError` becomes one line on stderr and exit code 2, and so does a plain `ValueError`
    that a ``raise`` line of ours threw, which is how ``stimuli`` refuses what cannot be shown, and
    a file that the system refuses. Everything else is a defect and keeps its traceback.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after ``insilico``; taken from ``sys.argv`` by default.

    Returns
    -------
    int
        Exit code: 0, 2 after a user's mistake, 130 after Ctrl-C.
    """
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except (CycloptsError, UserError) as error:
        return _refuse(error)
    except ValueError as error:
        if not _is_refusal(error):
            raise
        return _refuse(error)
    except KeyboardInterrupt:
        print("\ninsilico: stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output, `head` for one, has had enough. Python would complain once
        # more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.filename is None:
            raise
        return _refuse(UserError(f"{error.filename}: {error.strerror}."))
    return 0


def _refuse(error: Exception) -> int:
    print(f"insilico: error: {' '.join(str(error).split())}", file=sys.stderr)
    return USER_ERROR


def _is_refusal(error: ValueError) -> bool:
    """Tell a ValueError that our own code raised on purpose from one that befell it."""
    *_, (frame, _line) = traceback.walk_tb(error.__traceback__)
    *_, where = traceback.extract_tb(error.__traceback__)
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package in OUR_PACKAGES and (where.line or "").startswith("raise ")


def _field(size: tuple[int, int] | None, px_per_deg: float) -> str:
    if size is None:
        return ""
    pixels, degrees = (
        values[:1] if values[0] == values[1] else values
        for values in (size, tuple(round(side / px_per_deg, 2) for side in size))
    )
    return f"{' x '.join(map(str, pixels))} px, {' x '.join(f'{d:g}' for d in degrees)} deg"


def _sites(words: Sequence[str]) -> Any:
    if not words:
        return None
    if len(words) == 1 and words[0] in ("centre", "all"):
        return words[0]
    try:
        if len(words) == 1 and "," not in words[0]:
            return float(words[0])
        return [(int(row), int(column)) for row, column in (word.split(",") for word in words)]
    except ValueError as error:
        raise UserError(
            "sites must be centre, all, a diameter in degrees, or ROW,COLUMN ...; got "
            f"{' '.join(words)!r}."
        ) from error


def _calls(calls: int) -> str:
    if calls == 1:
        return ""
    return "not called" if calls == 0 else f"called {calls} times: @1 to @{calls}"
