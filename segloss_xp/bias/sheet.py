"""The bias sheet: what any loss makes a perfect network say of a region that is uncertain."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from segloss_xp._loss import Loss
from segloss_xp.bias._scene import Scene, looks_at_logits, scene_for

#: Probabilities that a sheet shows, where not told otherwise.
PROBABILITIES = (0.1, 0.3, 0.45, 0.55, 0.7, 0.9)

# Predictions that are looked at: ends, and logits at steps of 0.02, from 1e-9.
_LOGITS = np.linspace(-20.7, 20.7, 2071)
_MIDPOINTS = 2000
# How far what is certain is moved, to see whether a loss would have it so, and for what gain.
_STEPS, _GAIN = (1e-6, 1e-4, 1e-2, 0.1), 1e-6


@dataclass(frozen=True, eq=False)
class Bias:
    """
    A row of the bias sheet.

    Attributes
    ----------
    loss : Loss
    mu : float
        Volume of the uncertain regions, in units of the certain foreground.
    n : int
        Number of the uncertain regions, which are equal and independent.
    p : array (P,)
        Probabilities.
    x : array (P,)
        Best prediction of the uncertain regions at each of them.
    mean, mean_abs : float
        Mean of the bias of the volume, and of its absolute value, for p uniform in [0, 1]; in
        units of the certain foreground.
    classes : {"foreground", "both", ""}
        Whether the loss saw a channel of the foreground, or two classes because it must.
    image : bool
        Whether the loss looks at where a voxel is, so that the row is that of one shape.
    keeps_certain : bool
        Whether the loss is best for what is certain if that is predicted as it is. If not, it makes
        the volume of that wrong too, which the row leaves out.
    logits : bool
        Whether the loss looks at logits beyond their softmax, which a network is free to choose;
        the row is for the logarithms of the probabilities.
    refusal : str
        Why the loss has no row, or nothing.
    """

    loss: Loss
    mu: float
    n: int
    p: np.ndarray
    x: np.ndarray
    mean: float = math.nan
    mean_abs: float = math.nan
    classes: str = ""
    image: bool = False
    keeps_certain: bool = True
    logits: bool = False
    refusal: str = ""


@dataclass(frozen=True, eq=False)
class Curves:
    """
    Values of a loss on what may come true.

    Attributes
    ----------
    x : array (G,)
        Predictions of the uncertain regions, 0 and 1 among them.
    values : array (n + 1, G)
        Loss where k of the n regions are foreground.
    classes : {"foreground", "both"}
    image : bool
        Whether the loss looks at where a voxel is, so that the values are those of one shape.
    """

    x: np.ndarray
    values: np.ndarray
    classes: str
    image: bool = False

    def risk(self, p: np.ndarray) -> np.ndarray:
        """Expected loss (P, G) at probabilities (P,)."""
        n = self.values.shape[0] - 1
        k = np.arange(n + 1)
        ways = np.asarray([math.comb(n, each) for each in k], dtype=float)
        chances = ways * p[:, None] ** k * (1 - p[:, None]) ** (n - k)
        # An infinite loss that has no chance costs nothing.
        terms = (
            np.where(c[:, None] > 0, c[:, None] * v, 0.0)
            for c, v in zip(chances.T, self.values, strict=True)
        )
        return sum(terms, np.zeros((p.size, self.x.size)))

    def minimisers(self, p: np.ndarray) -> np.ndarray:
        """Best predictions (P,)."""
        risk = self.risk(p)
        rows, best = np.arange(p.size), np.argmin(risk, axis=1)
        # The quartic through five points, in logits, whose steps are equal. The ends have none.
        middle = np.clip(best, 3, self.x.size - 4)
        a, b, c, d, e = (risk[rows, middle + step] for step in range(-2, 3))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            slope = (a - 8 * b + 8 * d - e) / 12
            bend = (-a + 16 * b - 30 * c + 16 * d - e) / 12
            third, fourth = (-a + 2 * b - 2 * d + e) / 2, a - 4 * b + 6 * c - 4 * d + e
            step = -slope / bend
            for _ in range(3):
                error = slope + step * (bend + step * (third / 2 + step * fourth / 6))
                step = step - error / (bend + step * (third + step * fourth / 2))
            # Where all is flat but for rounding, or there is a kink, the quartic means nothing.
            bends = (bend > 1e-12 * np.abs(c)) & (np.abs(fourth) < 0.1 * bend)
        inside = (best == middle) & bends & (np.abs(step) <= 1)
        logit = _LOGITS[middle - 1] + np.where(inside, step, 0.0) * (_LOGITS[1] - _LOGITS[0])
        return np.where(inside, _sigmoid(logit), self.x[best])


def sheet(
    losses: Iterable[Loss],
    *,
    mu: Sequence[float] = (1.0,),
    n: int = 1,
    p: Sequence[float] = PROBABILITIES,
) -> list[Bias]:
    r"""
    What each loss makes a perfect network say, and the bias of the volume that comes of it.

    An image has a certain background of volume 100, a certain foreground of volume 1, both
    predicted as they are, and n equal, independent regions that are foreground with probability
    p, of volume mu in all and predicted to be x. The best x is that of

    .. math:: \min_x \sum_{k=0}^n \binom{n}{k} p^k (1 - p)^{n - k} L(x, k)

    and the bias is mu (x - p). The loss is called as by any user, for hard labels, with
    probabilities.

    Parameters
    ----------
    losses : iterable of Loss
    mu : sequence of float
        Volumes of the uncertain regions.
    n : int
        Number of the uncertain regions.
    p : sequence of float
        Probabilities, between 0 and 1, at which the best prediction is given.

    Returns
    -------
    list of Bias
        For each loss one for each volume.

    Raises
    ------
    ValueError
        If a volume, `n` or a probability is out of range.

    Notes
    -----
    The foreground is a channel of its own, or, for losses that take one label a voxel, the second
    of two classes. A loss that takes all voxels alike is given one voxel a region, weighted by its
    volume. One that looks at where they are is given an image, with the foreground amid the
    background and volumes rounded to quarters; its row is that of this image, and another shape has
    another. The loss is called once for all predictions on a grid, whose minimum is refined by a
    quartic; means are over 2000 probabilities.

    Examples
    --------
    >>> import segloss_xp as sx
    >>> import segloss_xp.bias as bias
    >>> for row in bias.sheet([sx.BrierLoss(), sx.DiceLoss(smooth=0)], p=(0.3, 0.7)):
    ...     print(row.loss, row.x.round(4), round(row.mean_abs, 4))
    BrierLoss() [0.3 0.7] 0.0
    DiceLoss(smooth=0) [0. 1.] 0.25
    """
    probabilities = np.asarray(p, dtype=float)
    for each in mu:
        _check(each, n)
    if not np.all((probabilities > 0) & (probabilities < 1)):
        raise ValueError(f"expected p between 0 and 1, got {tuple(p)}")
    return [_row(loss, float(each), n, probabilities) for loss in losses for each in mu]


def _row(loss: Loss, mu: float, n: int, p: np.ndarray) -> Bias:
    try:
        scene = scene_for(loss, mu, n)
        found = _curves(loss, scene)
    except (TypeError, ValueError, NotImplementedError, ModuleNotFoundError) as refusal:
        return Bias(loss, mu, n, p, np.full(p.shape, math.nan), refusal=str(refusal))
    uniform = (np.arange(_MIDPOINTS) + 0.5) / _MIDPOINTS
    wrong = mu * (found.minimisers(uniform) - uniform)
    return Bias(
        loss,
        mu,
        n,
        p,
        found.minimisers(p),
        mean=float(np.mean(wrong)),
        mean_abs=float(np.mean(np.abs(wrong))),
        classes=found.classes,
        image=found.image,
        keeps_certain=_keeps_certain(loss, scene, found),
        logits=found.classes == "both" and looks_at_logits(loss),
    )


def _keeps_certain(loss: Loss, scene: Scene, found: Curves) -> bool:
    """Whether no other prediction of what is certain lowers the risk of the best predictions."""
    p = np.asarray(PROBABILITIES)
    x = found.minimisers(p)

    def risk(background: float, certain: float) -> np.ndarray:
        return np.diagonal(Curves(x, *scene.values(loss, x, background, certain)).risk(p))

    risks = [risk(*each) for step in _STEPS for each in ((step, 1.0), (0.0, 1.0 - step))]
    honest = risk(0.0, 1.0)
    return bool(np.all(np.stack(risks) >= honest - _GAIN * np.abs(honest)))


def curves(loss: Loss, mu: float, n: int = 1) -> Curves:
    """
    Values of a loss for predictions of n uncertain regions of volume mu, for all that may be true.

    Parameters
    ----------
    loss : Loss
    mu : float
        Volume of the uncertain regions.
    n : int
        Number of them.

    Returns
    -------
    Curves

    Raises
    ------
    ValueError
        If a number is out of range, or the loss takes neither a channel nor two classes, needs no
        truth, pools a batch, or gives no number.
    """
    _check(mu, n)
    return _curves(loss, scene_for(loss, mu, n))


def _curves(loss: Loss, scene: Scene) -> Curves:
    x = np.concatenate([[0.0], _sigmoid(_LOGITS), [1.0]])
    values, classes = scene.values(loss, x)
    if np.any(np.isnan(values)):
        raise ValueError("it is not a number for some predictions")
    return Curves(x, values, classes, scene.image)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _check(mu: float, n: int) -> None:
    if not 0 < mu < math.inf:
        raise ValueError(f"expected mu > 0, got {mu}")
    if n != int(n) or n < 1:
        raise ValueError(f"expected n to be a whole number from 1, got {n}")
