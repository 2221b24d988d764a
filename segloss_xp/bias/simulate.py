"""Images whose uncertainty is known, so that what a loss should predict is known too."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from segloss_xp import _ops
from segloss_xp._array import is_floating, namespace
from segloss_xp._spacing import along_each

_NORMAL = NormalDist()


@dataclass(frozen=True, kw_only=True)
class AmbiguousRings:
    """
    Images of a disc with a ring around it that is foreground or not, sector by sector, by chance.

    The image shows where the ring is, not which sectors are foreground: a perfect prediction of
    the ring's probability is `p`, and what a loss makes of it is theory.

    Parameters
    ----------
    p : float
        Probability of a sector of the ring to be foreground.
    sectors : int
        Number of equal, independent sectors.
    size : int
        Number of voxels along each of the two axes.
    core, ring : float
        Outer radius of the disc and of the ring, in voxels.
    noise : float
        Standard deviation of the noise; the background is 0, the ring 1, the disc 2.

    Examples
    --------
    >>> from segloss_xp import bias
    >>> rings = bias.AmbiguousRings(p=0.45, sectors=4)
    >>> rings.volumes  # background, disc, and each sector
    (756, 124, 36, 36, 36, 36)
    >>> image, labels = rings.sample(8, seed=1)
    >>> image.shape, labels.shape
    ((8, 1, 32, 32), (8, 32, 32))
    """

    p: float
    sectors: int = 1
    size: int = 32
    core: float = 6.45
    ring: float = 9.2
    noise: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(f"expected a probability p from 0 to 1, got {self.p!r}")
        if not 0 < self.core < self.ring:
            raise ValueError(f"expected 0 < core < ring, got {self.core!r} and {self.ring!r}")
        inside = np.sum(self.regions > 1)
        if not 1 <= self.sectors <= inside:
            raise ValueError(f"expected from 1 to {inside} sectors, got {self.sectors!r}")

    @property
    def regions(self) -> np.ndarray:
        """Number of the region of each voxel: background 0, disc 1, then the sectors."""
        across = np.arange(self.size) - (self.size - 1) / 2
        y, x = np.meshgrid(across, across, indexing="ij")
        radius, angle = np.hypot(y, x), np.arctan2(y, x)
        regions = np.where(radius < self.core, 1, 0)
        ring = np.flatnonzero((radius >= self.core) & (radius < self.ring))
        # By rank, so that sectors are as equal as voxels let them be.
        order = ring[np.argsort(angle.flat[ring], kind="stable")]
        regions.flat[order] = 2 + np.arange(len(order)) * self.sectors // max(len(order), 1)
        return regions

    @property
    def volumes(self) -> tuple[int, ...]:
        """Number of voxels in the background, the disc, and each sector."""
        return tuple(int(v) for v in np.bincount(self.regions.ravel(), minlength=2 + self.sectors))

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Of the same regions, the probability to be foreground."""
        return (0.0, 1.0, *(self.p,) * self.sectors)

    @property
    def mu(self) -> float:
        """Volume of the ring over that of the disc."""
        return sum(self.volumes[2:]) / self.volumes[1]

    def sample(
        self, images: int, *, seed: Any = 0, stratified: bool = False, like: Any = None
    ) -> tuple[Any, Any]:
        """
        Draw images and labels.

        Parameters
        ----------
        images : int
            Their number N.
        seed : int or numpy.random.Generator
            Of all that is random.
        stratified : bool
            Whether each sector is foreground in a share `p` of the images as exactly as their
            number allows, so that a mean over them is free of sampling error.
        like : array, optional
            Of the library, the device and the floating dtype to have; default: NumPy, float64.

        Returns
        -------
        image : array, (N, 1, size, size), floating
        labels : array, (N, size, size), integer
            1 in the foreground.
        """
        rng = np.random.default_rng(seed)
        shape = (images, self.sectors)
        if stratified:
            count = round(self.p * images)
            chosen = rng.permuted(np.tile(np.arange(images)[:, None] < count, shape[1]), axis=0)
        else:
            chosen = rng.random(shape) < self.p
        present = np.concatenate(
            [np.zeros((images, 1), bool), np.ones((images, 1), bool), chosen], axis=1
        )
        regions = self.regions
        labels = present[:, regions].astype(np.int64)
        brightness = np.array([0.0, 2.0, *(1.0,) * self.sectors])[regions]
        noise = self.noise * rng.standard_normal((images, 1, self.size, self.size))
        return _as(brightness + noise, like), _as(labels, like)


@dataclass(frozen=True, kw_only=True)
class GaussianVoxels:
    r"""
    Voxels of one feature z, normal with mean 0 in the background and `distance` in the foreground.

    With the share :math:`\pi` of foreground, the posterior is a logistic function of z,

    .. math:: \log\frac{P(1|z)}{P(0|z)} = d z + \log\frac\pi{1 - \pi} - \frac{d^2}2,

    which cross-entropy finds, while soft Dice cuts at the :math:`t^*` where the posterior is half
    the best Dice D*.

    Parameters
    ----------
    distance : float
        Between the means, in standard deviations.
    prior : float
        The share of foreground.

    Notes
    -----
    Dice is that of many voxels: a ratio of expectations.

    Examples
    --------
    >>> from segloss_xp import bias
    >>> voxels = bias.GaussianVoxels(distance=1.0, prior=0.05)
    >>> cut = voxels.best_cut()
    >>> round(cut, 4), round(voxels.dice(cut), 4), round(voxels.relative_volume(cut), 4)
    (1.4504, 0.2397, 1.7221)
    >>> z, labels = voxels.sample(2, 1000, seed=1)
    >>> z.shape, labels.shape
    ((2, 1, 1000), (2, 1000))
    """

    distance: float
    prior: float

    def __post_init__(self) -> None:
        if not 0 < self.distance < math.inf:
            raise ValueError(f"expected a positive distance, got {self.distance!r}")
        if not 0 < self.prior < 1:
            raise ValueError(f"expected a prior between 0 and 1, got {self.prior!r}")

    @property
    def slope(self) -> float:
        """By z, of the logit of the posterior."""
        return self.distance

    @property
    def intercept(self) -> float:
        """The logit of the posterior at z = 0."""
        return math.log(self.prior / (1 - self.prior)) - self.distance**2 / 2

    def posterior(self, z: Any) -> Any:
        """Probability of foreground, for a number or an array of any library."""
        logit = self.slope * z + self.intercept
        if isinstance(logit, int | float):
            return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0
        return _ops.sigmoid(namespace(logit), logit)

    def cut(self, probability: float) -> float:
        """The z where the posterior has a value."""
        if not 0 < probability < 1:
            raise ValueError(f"expected a probability between 0 and 1, got {probability!r}")
        return (math.log(probability / (1 - probability)) - self.intercept) / self.slope

    def relative_volume(self, cut: float) -> float:
        """Volume of what lies above a cut, over the true volume."""
        found, false = self._tails(cut)
        return found + (1 - self.prior) / self.prior * false

    def dice(self, cut: float) -> float:
        """Dice of what lies above a cut."""
        return 2 * self._tails(cut)[0] / (1 + self.relative_volume(cut))

    def best_cut(self) -> float:
        """The cut of the highest Dice, where soft Dice is least."""
        # Dinkelbach's iteration: half the Dice of a cut is the next threshold.
        dice, better = 0.0, self.dice(self.cut(0.5))
        while better > dice:
            dice, better = better, self.dice(self.cut(better / 2))
        return self.cut(dice / 2)

    def sample(
        self, samples: int, voxels: int, *, seed: Any = 0, like: Any = None
    ) -> tuple[Any, Any]:
        """
        Draw features and labels.

        Parameters
        ----------
        samples, voxels : int
            Their numbers N and V.
        seed : int or numpy.random.Generator
            Of all that is random.
        like : array, optional
            Of the library, the device and the floating dtype to have; default: NumPy, float64.

        Returns
        -------
        z : array, (N, 1, V), floating
        labels : array, (N, V), integer
            1 in the foreground.
        """
        rng = np.random.default_rng(seed)
        labels = (rng.random((samples, voxels)) < self.prior).astype(np.int64)
        z = self.distance * labels + rng.standard_normal(labels.shape)
        return _as(z[:, None, :], like), _as(labels, like)

    def _tails(self, cut: float) -> tuple[float, float]:
        return _NORMAL.cdf(self.distance - cut), _NORMAL.cdf(-cut)


def annotators(
    truth: Any,
    raters: int,
    *,
    amplitude: float,
    correlation: float = 3.0,
    spacing: tuple[float, ...] | None = None,
    seed: Any = 0,
    like: Any = None,
) -> tuple[Any, Any]:
    r"""
    Draw segmentations by raters who see the boundary of an object displaced, each in their way.

    With the signed distance :math:`\phi`, negative inside, and a smooth normal random field f of
    mean 0 and variance 1 for each rater, the rater marks :math:`\phi < a f`. So the probability
    that a voxel is marked is known: :math:`\Phi(-\phi / a)`.

    Parameters
    ----------
    truth : array of bool
        The object, of any number of axes; with background. What NumPy can read.
    raters : int
        Number K of segmentations.
    amplitude : float
        Standard deviation a of the displacement, in the unit of `spacing`.
    correlation : float
        Standard deviation of the Gaussian that the field is smoothed with, in the same unit.
    spacing : tuple of float, optional
        Distance between voxel centres along each axis; default: 1.
    seed : int or numpy.random.Generator
        Of all that is random.
    like : array, optional
        Of the library, the device and the floating dtype to have; default: NumPy, float64.

    Returns
    -------
    segmentations : array of bool, (K, \*space)
    probability : array, (\*space), floating
        The chance of each voxel to be marked.

    Notes
    -----
    The field is periodic: what is displaced at one border is so at the opposite one.

    References
    ----------
    M. Nordström et al. (2023), Marginal thresholding in noisy image segmentation (displacements by
    a Gaussian field).

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import bias
    >>> disc = np.hypot(*np.mgrid[-8:9, -8:9]) < 5
    >>> drawn, p = bias.annotators(disc, 4, amplitude=1.0, seed=1)
    >>> drawn.shape, bool(p[8, 8] > 0.999), bool(p[0, 0] < 0.001)
    ((4, 17, 17), True, True)
    """
    try:
        from scipy.ndimage import distance_transform_edt, fourier_gaussian
        from scipy.special import ndtr
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "drawing annotators needs scipy: python -m pip install scipy"
        ) from error
    truth = np.asarray(truth, bool)
    if not truth.any() or truth.all():
        raise ValueError("expected an object and a background, got one of them only")
    if not (amplitude > 0 and correlation > 0):
        raise ValueError(
            f"expected amplitude and correlation > 0, got {amplitude!r} and {correlation!r}"
        )
    steps = along_each(truth.shape, spacing)
    # Between voxel centres: the boundary lies half way.
    outside, inside = (
        np.asarray(distance_transform_edt(each, sampling=steps)) for each in (~truth, truth)
    )
    phi = outside - inside + np.where(truth, 0.5, -0.5) * min(steps)
    rng = np.random.default_rng(seed)
    sigma = [correlation / each for each in steps]
    axes = tuple(range(truth.ndim))
    gain = np.real(np.asarray(fourier_gaussian(np.ones(truth.shape), sigma)))
    # White noise has the same power everywhere; the rest of it is what the Gaussian leaves.
    gain /= np.sqrt(np.mean(gain**2))
    noise = rng.standard_normal((raters, *truth.shape))
    axes = tuple(1 + axis for axis in axes)
    field = np.real(np.fft.ifftn(gain * np.fft.fftn(noise, axes=axes), axes=axes))
    return _as(phi < amplitude * field, like), _as(ndtr(-phi / amplitude), like)


def _as(x: np.ndarray, like: Any) -> Any:
    """The array in the library, on the device and, if floating, of the dtype of another."""
    if like is None:
        return x
    xp = namespace(like)
    floating = x.dtype.kind == "f"
    if floating and not is_floating(xp, like):
        raise TypeError(f"expected an array of floating numbers to be like, got {like.dtype}")
    # Integers are those that the library takes by default: of 32 bits in JAX unless told otherwise.
    return _ops.constant(xp, x, like.dtype if floating else None, like=like)
