"""The best volume of a segmentation, given the probability of each voxel."""

from typing import Any, Literal

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp.bias import _laplace
from segloss_xp.bias._ratio import Score
from segloss_xp.bias.uncertainty import Independent, Marginals

Metric = Literal["dice", "jaccard"]


def rank_scores(p: Any, metric: Metric = "dice", *, smooth: float = 0.0, empty: float = 1.0) -> Any:
    r"""
    Expected score of the k most probable voxels, for every k from none to all of them.

    .. math:: D_k = E \frac{2 \sum_{j \le k} y_j + \epsilon}{k + \sum_j y_j + \epsilon},
        \quad J_k = E \frac{\sum_{j \le k} y_j + \epsilon}{k + \sum_{j > k} y_j + \epsilon}

    for independent voxels, the most probable first.

    Parameters
    ----------
    p : array, floating
        Probability of each of N voxels, of any shape.
    metric : {"dice", "jaccard"}
    smooth : float
        Added to numerator and denominator.
    empty : float
        The score where nothing is predicted and nothing is there, unless smoothed.

    Returns
    -------
    array (N + 1,)
        The expected scores.

    Raises
    ------
    ValueError
        If a probability is outside [0, 1], or a choice does not fit.

    Notes
    -----
    Exact but for rounding, at a cost of O(N log N) for the order and O(N) for each of some 300
    nodes. Among all segmentations of independent voxels one of these is the best.

    References
    ----------
    B. Dai and C. Li (2023), RankSEG: a consistent ranking-based framework for segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> bias.rank_scores(np.array([0.5, 0.5])).round(4)
    array([0.25  , 0.4167, 0.5833])
    """
    p = Independent(p=p).marginal
    xp = namespace(p)
    p = xp.sort(p, descending=True)
    score = Score(loss=_checked(metric), smooth=smooth, empty=empty)
    return prefix_scores(p, xp.ones_like(p), score)


def rank_segment(
    p: Any, metric: Metric = "dice", *, smooth: float = 0.0, empty: float = 1.0
) -> Any:
    """
    The segmentation with the best expected Dice or Jaccard: RankDice and RankIoU, exactly.

    Parameters
    ----------
    p : array, floating
        Probability of each voxel, of any shape; the voxels are independent.
    metric : {"dice", "jaccard"}
    smooth : float
        Added to numerator and denominator.
    empty : float
        The score where nothing is predicted and nothing is there, unless smoothed.

    Returns
    -------
    array of bool
        Of the shape of `p`: its most probable voxels, from none to all of them.

    Raises
    ------
    ValueError
        If a probability is outside [0, 1], or a choice does not fit.

    References
    ----------
    B. Dai and C. Li (2023), RankSEG: a consistent ranking-based framework for segmentation.

    Examples
    --------
    A threshold of one half would find nothing:

    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> bias.rank_segment(np.array([0.45, 0.45, 0.45, 0.01]))
    array([ True,  True,  True, False])
    """
    xp = namespace(p)
    scores = rank_scores(p, metric, smooth=smooth, empty=empty)
    order = xp.argsort(xp.reshape(p, (-1,)), descending=True)
    position = xp.argsort(order)
    return xp.reshape(position < xp.argmax(scores), tuple(p.shape))


def dice_threshold(p: Any, volumes: Any = 1.0) -> Any:
    r"""
    Threshold of the probabilities that gives the best Dice with the expected labels.

    .. math:: t = \tfrac{1}{2} \max_x \frac{2 \sum_j s_j x_j p_j}{\sum_j s_j x_j + \sum_j s_j p_j}

    The best x is 1 where p > t, and t is never above one half. It is the threshold for the
    output of a network trained with cross-entropy, where many voxels are uncertain.

    Parameters
    ----------
    p : array, floating
        Probability of each region, of any shape.
    volumes : array or float
        Volume of each region.

    Returns
    -------
    array
        Without axes; 0.5 where nothing is probable.

    References
    ----------
    M. Nordström et al. (2022), On image segmentation with noisy labels: characterization and
    volume properties of the optimal solutions to accuracy and Dice.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> print(bias.dice_threshold(np.array([1.0, 0.45, 0.1])).round(4))
    0.4085
    """
    truth = Marginals(p=p, volumes=volumes)
    _, scores = marginal_prefix_scores(truth, Score(loss="dice"))
    return namespace(scores).max(scores) / 2


def prefix_scores(p: Any, volumes: Any, score: Score) -> Any:
    """Expected score of the first k of independent regions, for k from 0 to R; (R + 1,)."""
    xp = namespace(p)
    alpha, beta = score.weights
    total = xp.cumulative_sum(volumes, include_initial=True)
    # A predicted region adds `volume` if it is there and `alpha volume` if not, one that is not
    # predicted adds `beta volume` if it is there.
    turned = alpha > 1
    chance = 1.0 - p if turned else p
    scale = _ops.stop_gradient(xp, total[-1:]) * max(1.0, alpha, beta)
    grid = _laplace.nodes(xp, _laplace.LOW, _laplace.HIGH * (1 + p.shape[0]), like=p)
    result = xp.zeros_like(total)
    for v in _laplace.chunks(grid, 4 * total.shape[0]):
        u = (v / scale)[:, None]
        log_found, found = _laplace.tilt(xp, chance, abs(1 - alpha) * volumes * u)
        log_left = log_found
        if 1 - alpha != beta:
            log_left, _ = _laplace.tilt(xp, p, beta * volumes * u)
        found = volumes * (1.0 - found if turned else found)
        log_weight = _from_the_left(xp, log_found) + _from_the_right(xp, log_left)
        log_weight = log_weight - (score.smoothing + min(alpha, 1.0) * total) * u
        bracket = score.smoothing + _from_the_left(xp, found)
        result = result + _laplace.STEP * xp.sum(u * xp.exp(log_weight) * bracket, axis=0)
    if score.smooth > 0:
        return result
    nothing = xp.prod(1.0 - p)
    return xp.concat([score.empty * xp.reshape(nothing, (1,)), result[1:]])


def marginal_prefix_scores(truth: Marginals, score: Score) -> tuple[Any, Any]:
    """The order of the regions, the most probable first, and the score of the first k (R + 1,)."""
    xp, p = namespace(truth.p), truth.marginal
    order = xp.argsort(p, descending=True)
    volumes = xp.take(truth.sizes, order)
    there = xp.take(p, order) * volumes
    found = xp.cumulative_sum(there, include_initial=True)
    predicted = xp.cumulative_sum(volumes, include_initial=True)
    alpha, beta = score.weights
    below = found + alpha * (predicted - found) + beta * (found[-1] - found) + score.smoothing
    zero = below == 0
    scores = (found + score.smoothing) / xp.where(zero, xp.ones_like(below), below)
    return order, xp.where(zero, score.empty * xp.ones_like(scores), scores)


def _from_the_left(xp: Any, x: Any) -> Any:
    """Sums (..., R + 1) of the first k."""
    return xp.cumulative_sum(x, axis=-1, include_initial=True)


def _from_the_right(xp: Any, x: Any) -> Any:
    """Sums (..., R + 1) of all but the first k."""
    return xp.flip(_from_the_left(xp, xp.flip(x, axis=-1)), axis=-1)


def _checked(metric: Metric) -> Metric:
    if metric not in ("dice", "jaccard"):
        raise ValueError(f"expected metric 'dice' or 'jaccard', got {metric!r}")
    return metric
