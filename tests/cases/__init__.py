"""Every loss, in every setting worth a test: a line here puts a new one through the whole suite."""

from cases import (
    boundary,
    calibration,
    compound,
    contour,
    distribution,
    region,
    scheduled,
    topology,
)
from cases.case import Case as Case

MODULES = distribution, region, boundary, contour, compound, scheduled, topology, calibration
CASES = [case for module in MODULES for case in module.CASES]

# Those that need the image too.
WITH_IMAGE = contour.WITH_IMAGE
