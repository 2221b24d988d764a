r"""
Measures of a hard segmentation, for each sample and class.

A prediction is made hard: the most probable class of a voxel, or with ``multilabel=True`` every
channel above one half. Overlap and volume are counted in integers. Surface distances are exact, in
the units of `spacing`, between the centres of surface voxels: those of a region that share a face
with a voxel outside it, where what lies beyond the border, or is masked, is outside.

All take what a loss takes: labels or one-hot targets, `mask`, `ignore_index`, `class_axis`. All
give an array (N, C); none is differentiable.
"""

from segloss_xp.metrics.overlap import dice as dice
from segloss_xp.metrics.overlap import jaccard as jaccard
from segloss_xp.metrics.overlap import precision as precision
from segloss_xp.metrics.overlap import sensitivity as sensitivity
from segloss_xp.metrics.overlap import specificity as specificity
from segloss_xp.metrics.overlap import volume as volume
from segloss_xp.metrics.overlap import volume_difference as volume_difference
from segloss_xp.metrics.surface import average_surface_distance as average_surface_distance
from segloss_xp.metrics.surface import hausdorff_distance as hausdorff_distance
from segloss_xp.metrics.surface import surface_dice as surface_dice
