"""The losses on how regions lie, voxel by voxel with its neighbours."""

from itertools import product

import numpy as np

from reference.common import counted, reduced


def non_adjacency(prediction, target, *, forbidden, radius=1, reduction="mean", **call):
    """<sum over pairs of p_a box(p_b) + p_b box(p_a)> (Ganaye 2019), the border repeated."""
    samples, _, space = counted(prediction, target, **call)
    unreduced = np.zeros((len(samples), *space), dtype=np.result_type(prediction, 1.0))
    around = list(product(range(-radius, radius + 1), repeat=len(space)))
    sums = []
    for n, voxels in enumerate(samples):
        pairs = []
        for i, v in voxels.items():
            total = 0.0
            for step in around:
                j = tuple(
                    min(max(a + d, 0), length - 1)
                    for a, d, length in zip(i, step, space, strict=True)
                )
                if j in voxels:
                    p, q = v.p, voxels[j].p
                    total += sum(p[a] * q[b] + p[b] * q[a] for a, b in forbidden) / len(around)
            unreduced[(n, *i)] = v.weight * total
            pairs.append((v.weight, v.weight * total))
        sums.append(pairs)
    return unreduced if reduction == "none" else reduced(sums, reduction)
