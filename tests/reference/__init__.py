"""
Each loss again, in loops over samples, classes and voxels, straight from its formula.

Shares no code with the package. Everything is float64, or complex: each loss is analytic in the
prediction (a minimum away from its kink), which is what `gradient` lives on.
"""

from reference.boundary import *
from reference.calibration import *
from reference.common import gradient as gradient
from reference.compound import *
from reference.contour import *
from reference.distribution import *
from reference.region import *
from reference.scheduled import *
from reference.topology import *
