"""Weights for the borders between touching instances."""

import math
from typing import Any

from segloss_xp import _ops
from segloss_xp._array import A, is_integer, namespace
from segloss_xp.distance import distance_transform


def unet_weight_map(
    instances: A,
    *,
    count: int | None = None,
    border: float = 10.0,
    sigma: float = 5.0,
    class_weights: tuple[float, float] = (1.0, 1.0),
    spacing: float | tuple[float, ...] | None = None,
    dtype: Any = None,
) -> A:
    r"""
    Weight map of the U-Net: heavy on the background between instances that nearly touch.

    .. math:: w(x) = w_c(x) + w_0 \exp\left(-\frac{(d_1(x) + d_2(x))^2}{2 \sigma^2}\right)

    with the distances to the nearest and the second nearest instance. The second term is for the
    background alone. Give it to any loss as `voxel_weights`.

    Parameters
    ----------
    instances : array of integers, (N, \*space)
        0 for the background, 1 to K for the instances of a sample.
    count : int, optional
        The largest number K of an instance in any sample; beyond it, instances are not seen. Must
        be given where values can't be looked at, as in ``jax.jit`` and ``torch.compile``, where it
        is a part of the program. Default: the largest number that occurs.
    border : float
        The weight :math:`w_0`.
    sigma : float
        In units of the spacing.
    class_weights : (float, float)
        The weight :math:`w_c` of the background and of the instances.
    spacing : float or sequence of float, optional
        Distance between voxel centres, one number for all spatial axes or one for each. Default: 1.
    dtype : dtype, optional
        float32 or float64 of the library of `instances`. Default: float32.

    Returns
    -------
    array
        Weights of the shape of `instances`, a constant. With one instance or none in a sample, the
        second term is 0.

    Raises
    ------
    TypeError
        If the instances are not integers.
    ValueError
        If a number is out of range.

    Notes
    -----
    One distance transform for each number up to K, over all samples together. An instance may have
    several parts.

    References
    ----------
    O. Ronneberger et al. (2015), U-Net: Convolutional networks for biomedical image segmentation,
    eq. 2.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> instances = np.array([[1, 1, 0, 2, 2, 0, 0, 0]])
    >>> sx.unet_weight_map(instances, sigma=2.0).round(2)
    array([[1.  , 1.  , 7.07, 1.  , 1.  , 1.44, 1.02, 1.  ]], dtype=float32)
    """
    xp = namespace(instances)
    if not is_integer(xp, instances):
        raise TypeError(f"expected integer instances, got dtype {instances.dtype}")
    if not 0 < sigma < math.inf:
        raise ValueError(f"expected a positive sigma, got {sigma!r}")
    if count is None:
        count = int(xp.max(instances))
    background, foreground, far, base = (
        _ops.constant(xp, value, dtype or xp.float32, like=instances)
        for value in (*class_weights, math.inf, border)
    )
    first = second = xp.full_like(instances, math.inf, dtype=far.dtype)
    numbers = xp.astype(instances, xp.int32)
    axes = tuple(range(1, instances.ndim))
    for k in range(1, count + 1):
        d = distance_transform(numbers != k, axes=axes, spacing=spacing, dtype=far.dtype)
        first, second = xp.minimum(first, d), xp.minimum(second, xp.maximum(first, d))
    both = first + second
    between = base * xp.exp(both * both / (-2.0 * sigma * sigma))
    return xp.where(numbers == 0, background + between, foreground)
