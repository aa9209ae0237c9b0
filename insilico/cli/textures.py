"""Commands for the naturalistic textures: synthesise them, and pack them for the package."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cyclopts import App

from insilico.cli.options import Words
from insilico.errors import UserError

__all__ = ["textures"]

textures = App(name="textures", help="Make the naturalistic textures that the package ships.")


@textures.command
def build(*, out: Path, families: Words = (), iterations: int = 200, seed: int = 0) -> None:
    """Synthesise textures and their noise: some minutes per family. Run it again to go on.

    Parameters
    ----------
    out : Path
        Folder for one file per family; families that it holds already are not made again.
    families : tuple of str
        Names of families; all of them by default.
    iterations : int
        Steps of the optimiser for each texture.
    seed : int
        Of everything random.
    """
    from insilico.progress import progress_bar
    from stimuli.textures.build import build_family
    from stimuli.textures.sources import FAMILIES

    names = [family.name for family in FAMILIES]
    unknown = [name for name in families if name not in names]
    if unknown:
        raise UserError(f"families must be among {', '.join(names)}; got {', '.join(unknown)}.")
    for number, name in enumerate(names, start=1):
        if families and name not in families:
            continue
        with progress_bar(show=True, desc=name, unit="evaluation") as bar:

            def report(evaluation: int, loss: float, bar: Any = bar) -> None:
                bar.update(evaluation - bar.n)
                bar.set_postfix(loss=f"{loss:.3g}", refresh=False)

            try:
                field = build_family(out, number, seed=seed, iterations=iterations, report=report)
            except ModuleNotFoundError as error:
                raise UserError(str(error)) from error
        print(_quality(field.about), flush=True)


@textures.command
def pack(folder: Path, /, *, target: Path, sheet: Path | None = None) -> None:
    """Write finished textures as the package ships them, with checksums, and print their quality.

    Parameters
    ----------
    folder : Path
        Where 'insilico textures build' put them.
    target : Path
        Folder for the pictures: stimuli/data, in a copy of the source.
    sheet : Path, optional
        Picture file for a sheet of every source, its texture and its noise.
    """
    from stimuli.textures import build

    about = build.pack(folder, target)
    for family in about:
        print(_quality(family))
    size = sum(path.stat().st_size for path in target.glob("*.png"))
    print(f"{2 * len(about)} fields, {size / 1e6:.1f} MB: {target}")
    if sheet is not None:
        _draw_sheet(folder, about, sheet)
        print(f"sheet: {sheet}")


def _quality(about: Mapping[str, Any]) -> str:
    errors = sorted(about["statistics_error"].values())
    texture, noise, scrambled = (
        about[f"{kind}_structure"] for kind in ("texture", "noise", "scrambled")
    )
    return (
        f"{about['family']:14s} statistics off by {errors[len(errors) // 2]:.1%} (worst kind "
        f"{errors[-1]:.1%}); kurtosis of bands {texture['kurtosis']:.2f}, noise "
        f"{noise['kurtosis']:.2f}, scrambled {scrambled['kurtosis']:.2f}; correlation across "
        f"scales {texture['cross_scale']:.2f}, {noise['cross_scale']:.2f}, "
        f"{scrambled['cross_scale']:.2f}; spectrum of noise off by "
        f"{about['noise_spectrum_error']:.1%}"
    )


def _draw_sheet(folder: Path, about: list[dict[str, Any]], sheet: Path) -> None:
    import matplotlib.pyplot as plt

    from stimuli.textures.build import read_family, source_of
    from stimuli.textures.pictures import SAMPLE_PX

    figure = plt.figure(figsize=(13.5, 8.2), layout="constrained")
    for number, family in enumerate(about, start=1):
        field = read_family(folder, number)
        pictures = {
            family["family"]: 255 * source_of(number, seed=family["seed"]),
            "texture": field.texture,
            "noise": field.noise,
        }
        for place, (title, picture) in enumerate(pictures.items(), start=3 * number - 2):
            ax = figure.add_subplot(5, 9, place)
            ax.imshow(picture[:SAMPLE_PX, :SAMPLE_PX], cmap="gray", vmin=0, vmax=255)
            ax.set_title(title, fontsize=9)
            ax.set_axis_off()
    sheet.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(sheet, dpi=100)
    plt.close(figure)
