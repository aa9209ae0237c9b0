"""Naturalistic textures after Portilla & Simoncelli (2000), and noise that matches them.

A texture is noise that has been changed until its statistics are those of a source picture:
moments, and correlations of the responses of model complex cells across space, orientation and
scale. Its noise has the same amplitude spectrum and the same histogram, and random phases. Textures
need plenoptic (the extra ``textures``); noise does not.

References
----------
Portilla J, Simoncelli EP (2000). A parametric texture model based on joint statistics of complex
wavelet coefficients. Int J Comput Vis 40:49-71, doi:10.1023/A:1026553619983.
Galerne B, Gousseau Y, Morel JM (2011). Random phase textures: theory and synthesis. IEEE Trans
Image Process 20:257-267, doi:10.1109/TIP.2010.2052822.
Schreiber T, Schmitz A (1996). Improved surrogate data for nonlinearity tests. Phys Rev Lett
77:635-638, doi:10.1103/PhysRevLett.77.635.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from stimuli.textures.sources import with_normal_histogram

__all__ = [
    "matched_noise",
    "random_phase_texture",
    "statistics_error",
    "synthesise",
    "with_random_phases",
]

Picture = npt.NDArray[np.floating[Any]]

# Spectrum and histogram are imposed in turn; by then neither changes any more.
ROUNDS = 50

# Steps that the optimiser remembers.
HISTORY = 20


def synthesise(
    source: Picture,
    *,
    pixels: int,
    iterations: int,
    rng: np.random.Generator,
    report: Callable[[int, float], None] | None = None,
) -> Picture:
    """Make a texture with the statistics of a source.

    Parameters
    ----------
    source : array, shape (height, width)
        Grey levels in [0, 1]; the sides must be multiples of 16 px, and at least 112.
    pixels : int
        Side of the texture, likewise; it need not be that of the source.
    iterations : int
        Steps of the optimiser (L-BFGS); 100 to 200 are enough.
    rng : Generator
        Where the noise that it starts from comes from.
    report : callable, optional
        Told the step and the loss, at each evaluation.

    Returns
    -------
    array, shape (pixels, pixels)
        Grey levels in [0, 1] that repeat without a seam, with the histogram of
        `with_normal_histogram`.
    """
    import plenoptic

    model, target = _statistics((pixels, pixels)), _statistics(source.shape)
    wanted = target(_tensor(source))
    # plenoptic's own `Metamer` asks for a texture of the size of its source.
    texture = _tensor(with_normal_histogram(random_phase_texture(source, pixels=pixels, rng=rng)))
    loss_of = plenoptic.loss.portilla_simoncelli_loss_factory(model, texture)
    texture.requires_grad_()
    optimiser = torch.optim.LBFGS(
        [texture],
        max_iter=iterations,
        max_eval=2 * iterations,
        history_size=HISTORY,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    evaluations = 0

    def loss() -> torch.Tensor:
        nonlocal evaluations
        optimiser.zero_grad()
        value: torch.Tensor = loss_of(model(texture), wanted)
        torch.autograd.backward(value)
        evaluations += 1
        if report is not None:
            report(evaluations, value.item())
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call, unused-ignore]
    return with_normal_histogram(texture.detach()[0, 0].double().numpy())


def statistics_error(texture: Picture, source: Picture) -> dict[str, float]:
    """Distance of a texture from its source in each kind of statistic, relative to the source.

    Parameters
    ----------
    texture, source : array
        Grey levels in [0, 1].

    Returns
    -------
    dict of str to float
        ``|statistics of the texture - of the source| / |of the source|``. The darkest and the
        lightest pixel are left out, and so is the mean grey level where it would hide the rest.
    """
    found, wanted = (
        model.convert_to_dict(model(_tensor(picture)))
        for picture in (texture, source)
        for model in (_statistics(picture.shape),)
    )
    errors = {}
    for name in wanted:
        pair = np.stack([values[name].flatten().double().numpy() for values in (found, wanted)])
        if name == "pixel_statistics":
            pair = pair[:, 1:4]  # variance, skew and kurtosis
        pair = pair[:, np.isfinite(pair).all(axis=0)]
        errors[name] = float(np.linalg.norm(pair[0] - pair[1]) / np.linalg.norm(pair[1]))
    return errors


def random_phase_texture(source: Picture, *, pixels: int, rng: np.random.Generator) -> Picture:
    """Make normal noise with the power spectrum of a source, at any size (Galerne et al., 2011).

    Parameters
    ----------
    source : array, shape (height, width)
        Any grey levels.
    pixels : int
        Side of the noise, at least that of the source.
    rng : Generator
        Where the noise comes from.

    Returns
    -------
    array, shape (pixels, pixels)
        With mean 0.
    """
    stamp = np.zeros((pixels, pixels))
    stamp[: source.shape[0], : source.shape[1]] = source - source.mean()
    white = rng.normal(size=stamp.shape)
    return np.fft.ifft2(np.fft.fft2(stamp) * np.fft.fft2(white)).real


def matched_noise(texture: Picture, *, rng: np.random.Generator) -> Picture:
    """Noise with random phases, the amplitude spectrum and the histogram of a texture.

    Parameters
    ----------
    texture : array, shape (height, width)
        Grey levels.
    rng : Generator
        Where the phases come from.

    Returns
    -------
    array, shape (height, width)
        Its grey levels are those of the texture, elsewhere.
    """
    levels = np.sort(texture, axis=None)
    noise = with_random_phases(texture, rng=rng)
    for _ in range(ROUNDS):
        noise.flat[np.argsort(noise, axis=None)] = levels
        noise = _with_phases(texture, np.angle(np.fft.fft2(noise)))
    noise.flat[np.argsort(noise, axis=None)] = levels
    return noise


def with_random_phases(texture: Picture, *, rng: np.random.Generator) -> Picture:
    """Scramble the phases of a picture: its amplitude spectrum, normal noise otherwise.

    Parameters
    ----------
    texture : array, shape (height, width)
        Grey levels.
    rng : Generator
        Where the phases come from.

    Returns
    -------
    array, shape (height, width)
        Of the same mean and variance.
    """
    return _with_phases(texture, np.angle(np.fft.fft2(rng.normal(size=texture.shape))))


def _with_phases(picture: Picture, phase: Picture) -> Picture:
    spectrum = np.fft.fft2(picture)
    shifted = np.abs(spectrum) * np.exp(1j * phase)
    shifted[0, 0] = spectrum[0, 0]
    return np.fft.ifft2(shifted).real


def _statistics(shape: tuple[int, ...]) -> Any:
    try:
        import plenoptic
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "textures are synthesised with plenoptic, which is not installed. "
            "Install it with: pip install 'insilico-ephys[textures]'"
        ) from None
    model = plenoptic.models.PortillaSimoncelli((shape[0], shape[1]))
    plenoptic.remove_grad(model)
    return model


def _tensor(picture: Picture) -> torch.Tensor:
    return torch.tensor(picture, dtype=torch.float32)[None, None]
