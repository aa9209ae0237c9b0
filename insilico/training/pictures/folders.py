"""Folders of pictures: ImageNet's layout, and that of Tiny-ImageNet as it is distributed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from insilico.errors import UserError
from insilico.training.batches import Batch, seed_of

__all__ = ["ImageFiles", "class_folders", "image_folders", "tiny_imagenet"]

EXTENSIONS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}

N_SHOWN = 6

# Of a line in Tiny-ImageNet's val_annotations.txt: file and class; a box follows.
N_ANNOTATED = 2

Transform = Callable[[Image.Image], Tensor]


@dataclass(frozen=True)
class ImageFiles:
    """Files of pictures, and the class of each.

    Parameters
    ----------
    files : tuple of Path
        One per picture.
    labels : Tensor, shape (n,)
        Index of the class of each.
    classes : tuple of str
        Names of the classes.
    transform : callable
        From a PIL picture to a tensor (3, height, width) in [0, 1]; may draw from torch's global
        random stream.
    """

    files: tuple[Path, ...] = field(repr=False)
    labels: Tensor = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)
    transform: Transform = field(repr=False)

    def __len__(self) -> int:
        return len(self.files)

    def fetch(self, indices: Sequence[int], key: tuple[int, ...] | None = None) -> Batch:
        """Read some pictures; those that cannot be read are left out, and named.

        Parameters
        ----------
        indices : sequence of int
            Which ones.
        key : tuple of int, optional
            What random transforms depend on.

        Returns
        -------
        Batch
            Empty if none of them can be read.
        """
        images, labels, unreadable = [], [], []
        with _drawing_from(key):
            for index in indices:
                try:
                    with Image.open(self.files[index]) as file:
                        picture = file.convert("RGB")
                except Exception as error:  # noqa: BLE001  # broken files raise all kinds
                    unreadable.append(f"{self.files[index]}: {_reason(error)}")
                else:
                    images.append(self.transform(picture))
                    labels.append(int(self.labels[index]))
        stacked = torch.stack(images) if images else torch.empty(0, 3, 0, 0)
        return Batch(stacked, torch.tensor(labels, dtype=torch.long), tuple(unreadable))


def image_folders(
    folder: Path, part: str, transform: Transform, classes: Sequence[str] | None = None
) -> ImageFiles:
    """List ``folder/part/CLASS/*``.

    Parameters
    ----------
    folder : Path
        The data set.
    part : {"train", "val"}
        Which part of it.
    transform : callable
        See `ImageFiles`.
    classes : sequence of str, optional
        The classes there should be; those that there are by default.

    Returns
    -------
    ImageFiles

    Raises
    ------
    UserError
        If the folder has another layout: says which is expected, and what was found.
    """
    place = folder / part
    if not place.is_dir():
        raise UserError(
            f"{folder} must hold train/CLASS/PICTURES and val/CLASS/PICTURES; {_found(folder)}. "
            f"{_hint(folder)}"
        )
    return class_folders(place, transform, classes)


def class_folders(
    place: Path, transform: Transform, classes: Sequence[str] | None = None
) -> ImageFiles:
    """List ``place/CLASS/*``.

    Parameters
    ----------
    place : Path
        A folder of classes.
    transform, classes
        As in `image_folders`.

    Returns
    -------
    ImageFiles
    """
    found = sorted(each.name for each in place.iterdir() if each.is_dir())
    if not found:
        raise UserError(f"{place} must hold one folder of pictures per class; {_found(place)}.")
    names = list(classes) if classes is not None else found
    if set(found) != set(names):
        missing, other = sorted(set(names) - set(found)), sorted(set(found) - set(names))
        raise UserError(
            f"{place} must hold the {len(names)} classes that are trained; missing: "
            f"{_listed(missing)}; not among them: {_listed(other)}."
        )
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        own = _pictures(place / name)
        if not own:
            raise UserError(
                f"the class folder {place / name} holds no pictures; {_found(place / name)}. "
                f"Pictures end in {', '.join(sorted(EXTENSIONS))}."
            )
        files += own
        labels += [label] * len(own)
    return ImageFiles(tuple(files), torch.tensor(labels), tuple(names), transform)


def tiny_imagenet(folder: Path, part: str, transform: Transform) -> ImageFiles:
    """List Tiny-ImageNet as it is distributed.

    Parameters
    ----------
    folder : Path
        With wnids.txt, train/WNID/images/ and val/val_annotations.txt.
    part : {"train", "val"}
        Which part.
    transform : callable
        See `ImageFiles`.

    Returns
    -------
    ImageFiles

    Raises
    ------
    UserError
        If the folder has another layout: says which is expected, and what was found.
    """
    annotations = folder / "val" / "val_annotations.txt"
    needed = [folder / "wnids.txt", annotations]
    if part == "train":
        needed.insert(1, folder / "train")
    absent = [str(each.relative_to(folder)) for each in needed if not each.exists()]
    if absent:
        raise UserError(
            "Tiny-ImageNet has wnids.txt, train/WNID/images/ and val/val_annotations.txt; "
            f"{folder} lacks {', '.join(absent)}; {_found(folder)}. A folder of class folders is "
            "data.kind = 'folders'."
        )
    classes = sorted(needed[0].read_text().split())
    if part == "train":
        files = [each for name in classes for each in _pictures(folder / "train" / name / "images")]
        names = [each.parent.parent.name for each in files]
    else:
        rows = [line.split("\t") for line in annotations.read_text().splitlines() if line]
        short = [row[0] for row in rows if len(row) < N_ANNOTATED]
        if short:
            raise UserError(
                f"each line of {annotations} must begin with FILE, a tab, and CLASS; got "
                f"{short[0]!r}."
            )
        files = [folder / "val" / "images" / row[0] for row in rows]
        names = [row[1] for row in rows]
    unknown = sorted(set(names) ^ set(classes))
    if unknown:
        raise UserError(
            f"the classes of {folder / part} are not those of wnids.txt; "
            f"they differ in {_listed(unknown)}."
        )
    numbers = {name: number for number, name in enumerate(classes)}
    labels = torch.tensor([numbers[name] for name in names])
    return ImageFiles(tuple(files), labels, tuple(classes), transform)


@contextmanager
def _drawing_from(key: tuple[int, ...] | None) -> Iterator[None]:
    """Let torch's global stream start from the key, and leave it as it was."""
    if key is None:
        yield
        return
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed_of(*key))
    try:
        yield
    finally:
        torch.set_rng_state(before)


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in EXTENSIONS)


def _found(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder {folder}"
    names = sorted(each.name + ("/" if each.is_dir() else "") for each in folder.iterdir())
    return f"found {_listed(names)}" if names else "it is empty"


def _hint(folder: Path) -> str:
    if (folder / "wnids.txt").exists():
        return "This is Tiny-ImageNet: set data.kind = 'tiny_imagenet'."
    return "Set data.path to the folder that holds them."


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - N_SHOWN
    return (", ".join(names[:N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")) or "none"
