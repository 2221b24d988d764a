"""The expected loss of a prediction under an uncertain truth."""

from typing import Any

from segloss_xp._loss import Loss
from segloss_xp.bias._called import Called
from segloss_xp.bias._named import Named
from segloss_xp.bias._objective import Objective
from segloss_xp.bias._ratio import LossName, Score
from segloss_xp.bias.uncertainty import Uncertainty


def risk(
    truth: Uncertainty,
    prediction: Any,
    loss: LossName | Loss = "dice",
    *,
    alpha: float | None = None,
    beta: float | None = None,
    smooth: float = 0.0,
    empty: float = 1.0,
) -> Any:
    r"""
    Exact expectation of a loss over the labels.

    .. math:: R(x) = E_y\left[1 - \frac{2 \sum_j s_j x_j y_j + \epsilon}
        {\sum_j s_j x_j + \sum_j s_j y_j + \epsilon}\right]

    for Dice, and so for the others: Jaccard; Tversky with ``alpha`` and ``beta`` the weights of
    false positives and negatives; "squared_dice" with :math:`\sum s x^2` in the denominator; and
    "log_dice", minus the logarithm of the Dice. They are the losses of those names in this
    library, for one image and one class, with volumes as the weights of voxels. Any other loss, or
    sum of losses, is given as itself, and called on images of what may be true.

    Parameters
    ----------
    truth : Independent, Samples or Marginals
        Law of the labels. Of marginals, the loss of the expected labels is taken.
    prediction : array (..., *shape), floating
        For each region its predicted probability.
    loss : {"dice", "jaccard", "tversky", "squared_dice", "log_dice"} or Loss
        A score that has a theory, or any loss of hard labels, such as ``sx.FocalLoss()``.
    alpha, beta : float, optional
        Of "tversky", where both are needed.
    smooth : float
        Added to numerator and denominator, of a loss that is named.
    empty : float
        The score, 1 less a loss that is named, of 0 / 0: where nothing is predicted and nothing is
        there.

    Returns
    -------
    array, (...)
        In the precision of the description, for which float64 is recommended.

    Raises
    ------
    ValueError
        If a shape or a parameter does not fit; if a loss pools a batch or needs no truth; or if it
        has to be called on the outcomes of more than 12 uncertain, independent regions.

    Notes
    -----
    *Named*, for independent regions the cost is O(R), the error below 1e-12 in float64.
    Differentiable by the prediction, and by probabilities and volumes, but at the empty prediction
    with ``smooth=0``, where the risk jumps unless something is certain. "log_dice" is infinite
    where, with a probability above 0, nothing true is found.

    *Called*, a loss sees the regions as voxels, of spacing 1, of an image of the shape of the
    description, weighted by their volumes. The foreground is a channel of its own, or, for losses
    that take one label a voxel, the second of two classes. The mean is over all samples, or over
    all outcomes of independent regions, of which there are 2^R: describe many of them by
    `Samples.drawn_from`. A loss that is a mean over voxels, as cross-entropy, Brier and focal loss
    are, has a risk that depends on the marginals alone, at a cost of O(R). Of `Marginals` the loss
    sees soft labels. Differentiable by the prediction, as the loss is; to be traced, but for
    outcomes that are enumerated.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> truth = bias.Independent(p=np.array([0.75, 0.25]))
    >>> bias.risk(truth, np.array([[1.0, 0.0], [1.0, 1.0]]))
    array([0.3125    , 0.39583333])

    Any loss, such as that of nnU-Net:

    >>> import segloss_xp as sx
    >>> loss = sx.DiceLoss() + sx.CrossEntropyLoss()
    >>> bias.risk(truth, np.array([[0.75, 0.25], [0.5, 0.5]]), loss).round(4)
    array([0.9998, 1.2556])
    """
    parameters = {"alpha": alpha, "beta": beta, "smooth": smooth, "empty": empty}
    return objective(truth, loss, **parameters).risk(truth.flat(prediction))


def objective(truth: Uncertainty, loss: Any, **parameters: Any) -> Objective:
    """The risk of a score of that name, with its parameters, or of any loss."""
    if not isinstance(truth, Uncertainty):
        raise TypeError(f"expected Independent, Samples or Marginals, got {type(truth)}")
    if not isinstance(loss, Loss):
        return Named(truth, Score(loss=loss, **parameters))
    default = Score(loss="dice")
    given = {key: v for key, v in parameters.items() if v != getattr(default, key)}
    if given:
        raise ValueError(
            f"alpha, beta, smooth and empty are those of a loss that is named; got {given} with "
            f"{loss!r}, whose parameters are its own"
        )
    return Called(truth, loss)
