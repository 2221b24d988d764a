"""Every loss, in every setting worth a test: a line here puts a new one through the whole suite."""

from cases import boundary, distribution, region
from cases.case import Case as Case

CASES = [*distribution.CASES, *region.CASES, *boundary.CASES]
