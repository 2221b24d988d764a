"""Every loss, in every setting worth a test: a line here puts a new one through the whole suite."""

from cases import boundary, calibration, contour, distribution, region, scheduled
from cases.case import Case as Case

MODULES = distribution, region, boundary, contour, scheduled, calibration
CASES = [case for module in MODULES for case in module.CASES]

# Those that need the image too.
WITH_IMAGE = contour.WITH_IMAGE
