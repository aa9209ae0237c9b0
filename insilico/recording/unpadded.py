"""Run a model without padding, so that it computes the sites that are read and no others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

__all__ = ["Unpadded", "without_padding"]

# What filters maps, and the names of its arguments.
CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
MAXIMUM = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
MEAN = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad",
        "divisor_override")  # fmt: skip
FILTERS: Mapping[Any, tuple[str, ...]] = {
    torch.conv2d: CONVOLUTION,
    functional.max_pool2d: MAXIMUM,
    torch.max_pool2d: MAXIMUM,
    functional.avg_pool2d: MEAN,
}

# The modules that call these, and leave the padding to them.
FILTERING = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)

# What puts maps of one size together, by name.
TOGETHER = frozenset({"add", "add_", "sub", "sub_", "mul", "mul_"})
IN_A_ROW = frozenset({"cat", "concat", "concatenate"})

# Where tensors keep which sites they are of.
NOTED = "_sites_held"

Pair = tuple[int, int]


class Where(NamedTuple):
    """Which sites of a whole map a part of it holds.

    Attributes
    ----------
    first : tuple of int
        Row and column in the whole map of its first site.
    dims : tuple of int
        The dimensions of rows and of columns.
    """

    first: Pair
    dims: Pair = (2, 3)


class Unpadded(TorchFunctionMode):
    """While it is entered, filters pad nothing, and maps that meet are cut to the sites of both.

    Every map is followed from the picture on: a filter that pads nothing puts out the sites of the
    whole map that see nothing beyond what it is given. Where a block adds its input to its output,
    the input has more of them, and those around are cut off. What becomes of a map in any other way
    is not known, and is left as it is: whether the model bears it all is to be found out by trying,
    and by comparing what it gives with the same sites of a whole picture. One site is never spread
    over several, which torch would do without a word where maps of different sites meet.

    Parameters
    ----------
    corner : tuple of int
        Top and left edge of the pictures in the whole display, in px.
    """

    def __init__(self, corner: Pair) -> None:
        super().__init__()
        self._corner = corner

    def begin(self, images: Tensor) -> None:
        """Follow what becomes of pictures, (n, channel, height, width); of movies nothing is known.

        Parameters
        ----------
        images : Tensor
            What the model is about to receive.
        """
        if images.ndim == 4:
            _note(images, Where(self._corner))

    def __torch_function__(
        self,
        function: Callable[..., Any],
        _types: Any,
        given: Sequence[Any] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch; torch calls this in its place."""
        options, name = options or {}, getattr(function, "__name__", "")
        if function in FILTERS:
            names = FILTERS[function]
            return self._filtered(function, dict(zip(names, given, strict=False)) | dict(options))
        if function is functional.pad:
            return self._padded(*given, **options)
        if name in TOGETHER and len(given) == 2:
            given = self._cut(given)
        elif name in IN_A_ROW and given:
            given = (self._cut(given[0]), *given[1:])
        found = function(*given, **options)
        for each in found if isinstance(found, tuple) else (found,):
            if isinstance(each, Tensor) and each.ndim == 4:
                self._follow(each, given, turned=name == "permute")
        return found

    def _follow(self, found: Tensor, given: Sequence[Any], *, turned: bool) -> None:
        """Say where maps are that were made, site by site, of others."""
        among = given[0] if given and isinstance(given[0], tuple | list) else given
        if not turned:
            _check_not_spread(found, among)
        for maps in among:
            place = _place(maps)
            if place is None:
                continue
            if turned:
                order = given[1] if isinstance(given[1], tuple | list) else given[1:]
                row, column = ([n % 4 for n in order].index(dim) for dim in place.dims)
                _note(found, Where(place.first, (row, column)))
                return
            if _sides(found, place.dims) == _sides(maps, place.dims):
                _note(found, place)
                return

    def _filtered(self, function: Callable[..., Any], given: dict[str, Any]) -> Any:
        """Filter maps as they are, from the first site on that a whole map has, too."""
        kernel = _pair(given["weight"].shape[2:] if "weight" in given else given["kernel_size"])
        # Pools step by their own size unless told otherwise.
        stride = _pair(given.get("stride") or kernel)
        padding = _padding(given.get("padding", 0), kernel, _pair(given.get("dilation", 1)))
        place = _place(given["input"])
        if place is None or place.dims != (2, 3):
            return function(**given | {"padding": 0})
        first = [-(-(n + p) // s) for n, p, s in zip(place.first, padding, stride, strict=True)]
        skipped = [
            n * s - p - before
            for n, p, s, before in zip(first, padding, stride, place.first, strict=True)
        ]
        if any(skipped):
            given["input"] = given["input"][..., skipped[0] :, skipped[1] :]
        found = function(**given | {"padding": 0})
        if isinstance(found, Tensor):
            _note(found, Where((first[0], first[1])))
        return found

    def _padded(self, maps: Tensor, pad: Sequence[int], *given: Any, **options: Any) -> Tensor:
        """Leave maps as they are, as the middle of padded ones."""
        place, before = _place(maps), [_meant(each) for each in pad]
        if place is None or place.dims != (2, 3) or len(pad) != 4 or min(before) < 0:
            return functional.pad(maps, list(pad), *given, **options)
        found = maps.view_as(maps)
        _note(found, Where((place.first[0] + before[2], place.first[1] + before[0])))
        return found

    def _cut(self, maps: Sequence[Any]) -> Sequence[Any]:
        """Cut maps of different sites to those that all of them hold."""
        places = [_place(each) for each in maps]
        known = [place for place in places if place is not None]
        if len(known) < len(places) or len({place.dims for place in known}) != 1:
            return maps
        held = [
            (place.first, _sides(each, place.dims)) for each, place in zip(maps, known, strict=True)
        ]
        if len(set(held)) == 1:
            return maps
        cut = list(maps)
        for axis, dim in enumerate(known[0].dims):
            start = max(first[axis] for first, _ in held)
            stop = min(first[axis] + sides[axis] for first, sides in held)
            cut = [
                each.narrow(dim, start - first[axis], stop - start)
                for each, (first, _) in zip(cut, held, strict=True)
            ]
        first = (max(place.first[0] for place in known), max(place.first[1] for place in known))
        for each in cut:
            _note(each, Where(first, known[0].dims))
        return cut


class Nothing(int):
    """No padding, in a module that pads by itself; it is remembered how much that was."""

    instead_of: int

    @classmethod
    def of(cls, padding: int) -> "Nothing":
        """Pad nothing instead of so much."""
        made = cls(0)
        made.instead_of = padding
        return made


@contextmanager
def without_padding(model: nn.Module) -> Iterator[None]:
    """Have modules that pad in ways of their own pad nothing, until the end of the block.

    What convolutions and pools of torch pad is left to `Unpadded`.

    Parameters
    ----------
    model : nn.Module
        Its modules that have a ``padding`` are left as they were found.

    Yields
    ------
    None
    """
    padded: list[Any] = [
        module
        for module in model.modules()
        if hasattr(module, "padding") and not isinstance(module, FILTERING)
    ]
    found = [module.padding for module in padded]
    try:
        for module, padding in zip(padded, found, strict=True):
            sides = padding if isinstance(padding, tuple) else (padding,)
            nothing = tuple(Nothing.of(each) if isinstance(each, int) else 0 for each in sides)
            module.padding = nothing if isinstance(padding, tuple) else nothing[0]
        yield
    finally:
        for module, padding in zip(padded, found, strict=True):
            module.padding = padding


def _check_not_spread(found: Tensor, given: Sequence[Any]) -> None:
    """Refuse a map of which one site was put together with several of another map."""
    maps = [each for each in given if isinstance(each, Tensor) and each.ndim == 4]
    for each in maps:
        place = _place(each)
        if place is None:
            continue
        there = _sides(found, place.dims)
        if _sides(each, place.dims) != there and any(
            _sides(other, place.dims) == there for other in maps
        ):
            raise RuntimeError(
                "maps of different sites meet, and it is not known which of them belong together"
            )


def _pair(value: Any) -> Pair:
    row, column = (value, value) if isinstance(value, int) else (tuple(value) * 2)[:2]
    return row, column


def _padding(padding: Any, kernel: Pair, dilation: Pair) -> Pair:
    """Rows and columns that a filter would add at the top and at the left."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        row, column = (d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    else:
        row, column = map(_meant, _pair(padding))
    return row, column


def _meant(padding: int) -> int:
    """Tell how much a module would pad if it were let."""
    return padding.instead_of if isinstance(padding, Nothing) else padding


def _sides(maps: Any, dims: Pair) -> Pair:
    return maps.shape[dims[0]], maps.shape[dims[1]]


def _place(maps: Any) -> Where | None:
    return getattr(maps, NOTED, None) if isinstance(maps, Tensor) else None


def _note(maps: Tensor, place: Where) -> None:
    setattr(maps, NOTED, place)
