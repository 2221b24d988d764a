"""Losses on how regions lie and hang together."""

from segloss_xp._entry import Entry
from segloss_xp.topology.adjacency import NonAdjacencyLoss

LOSSES = (
    Entry(NonAdjacencyLoss, "Σ p_a box(p_b) over forbidden (a, b)", "Ganaye 2018; Ganaye 2019"),
)
