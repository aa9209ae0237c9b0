"""``insilico evaluate``."""

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from insilico.errors import UserError

__all__ = ["evaluate"]


def evaluate(
    run: Path,
    /,
    *,
    data: Path | None = None,
    corrupted: Path | None = None,
    baseline: Path | None = None,
    attacks: Annotated[bool, Parameter(negative="")] = False,
    steps: int = 20,
    limit: int = 1000,
    out: Path | None = None,
    device: str = "cpu",
    trust_code: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> None:
    """Test a trained network: on clean, corrupted and adversarial pictures.

    Parameters
    ----------
    run : Path
        Folder of a training run.
    data : Path, optional
        The data set, if it is not where it was.
    corrupted : Path, optional
        ImageNet-C or Tiny-ImageNet-C: CORRUPTION/SEVERITY/CLASS/PICTURES.
    baseline : Path, optional
        The folder of another evaluation, or its corruptions.csv, for the mean corruption error.
    attacks : bool
        Whether to attack it, by FGSM and PGD, within L-infinity and L2 radii.
    steps : int
        Of PGD.
    limit : int
        Pictures that are attacked, at most.
    out : Path, optional
        Folder of the tables and figures; RUN/evaluation by default.
    device : str
        Where to run: cpu, cuda, auto.
    trust_code : bool
        Run the code that RUN names as its network, with all your rights. Only for runs of your own,
        or of somebody whose programs you would start.
    quiet : bool
        No progress bar.
    """
    from dataclasses import replace

    from insilico.cli.terminal import aligned
    from insilico.figures.style import save_figure, style
    from insilico.models.components.mode import check_positive
    from insilico.tables import write_csv
    from insilico.training.evaluation import score
    from insilico.training.pictures.data import load_test
    from insilico.training.robustness.corruptions import (
        corruption_accuracies,
        mean_corruption_error,
        read_accuracies,
    )
    from insilico.training.robustness.evaluated import (
        attack_accuracies,
        corruption_figure,
        open_run,
    )

    if baseline is not None and corrupted is None:
        raise UserError("--baseline is for the mean corruption error: give --corrupted too.")
    # What can be wrong with the options is found before the work begins.
    check_positive(steps=steps, limit=limit)
    standard = read_accuracies(baseline) if baseline is not None else None
    opened = open_run(run, device=device, trust_code=trust_code)
    plan = opened.config.data
    if data is not None:
        if plan.kind == "exemplars":
            raise UserError(
                f"{run} was trained on exemplars, whose pictures come with the package; got --data "
                f"{data}. Leave --data out."
            )
        plan = replace(plan, path=str(data))
    test = load_test(plan, opened.classes)
    clean = score(opened.model, test, plan)
    summary: dict[str, Any] = {"accuracy": clean.accuracy, "n": clean.n, "epoch": opened.epoch}
    summary["unreadable"] = list(clean.unreadable)
    folder = out if out is not None else run / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"clean: accuracy {clean.accuracy:.4f} ({clean.n} pictures)")
    for message in clean.unreadable:
        print(f"left out, cannot be read: {message}")
    if corrupted is not None:
        table = corruption_accuracies(
            opened.model, corrupted, opened.classes, plan, progress=not quiet
        )
        with style():
            figure = corruption_figure(table, clean.accuracy)
            save_figure(figure, folder, "corruptions", numbers=table)
        missing = int(table["accuracy"].isna().sum())
        summary["corrupted_accuracy"] = float(table["accuracy"].mean())
        print(f"corrupted: mean accuracy {summary['corrupted_accuracy']:.4f}")
        if missing:
            print(f"{missing} of {len(table)} cells are not in {corrupted}")
        if table["unreadable"].sum():
            print(f"{table['unreadable'].sum()} corrupted pictures could not be read")
        if standard is not None:
            error, relative = mean_corruption_error(table, standard)
            write_csv(relative.to_frame(), folder / "corruption_errors.csv", index=True)
            summary["mean_corruption_error"] = error
            print(f"mean corruption error: {error:.4f} of the baseline's")
    if attacks:
        table = attack_accuracies(opened.model, test, plan, steps=steps, limit=limit)
        write_csv(table, folder / "attacks.csv")
        print(aligned(table.round(4)))
    (folder / "evaluation.json").write_text(json.dumps(summary, indent=2) + "\n")
    print(f"tables: {folder}")
