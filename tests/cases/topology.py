"""Losses on how regions lie."""

import segloss_xp as sx
from cases.case import Case

CASES = [
    Case(sx.NonAdjacencyLoss(forbidden=((0, 2),)), "non_adjacency"),
    Case(sx.NonAdjacencyLoss(forbidden=((0, 1), (1, 2)), radius=2), "non_adjacency", "soft"),
]
