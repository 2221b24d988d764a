"""Every loss, in every setting worth a test: a line here puts a new one through the whole suite."""

from cases import boundary, contour, distribution, region
from cases.case import Case as Case

CASES = [*distribution.CASES, *region.CASES, *boundary.CASES, *contour.CASES]

# Those that need the image too.
WITH_IMAGE = contour.WITH_IMAGE
