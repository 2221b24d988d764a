"""Every loss, in every setting worth a test: a line here puts a new one through the whole suite."""

from cases import boundary, calibration, distribution, region, scheduled
from cases.case import Case as Case

MODULES = distribution, region, boundary, scheduled, calibration
CASES = [case for module in MODULES for case in module.CASES]
