"""The volume bias of losses: how sure a prediction is, how sure it should be, what to do about it."""

from segloss_xp.bias.calibration import ConfidenceHistogram as ConfidenceHistogram
from segloss_xp.bias.calibration import (
    adaptive_calibration_error as adaptive_calibration_error,
)
from segloss_xp.bias.calibration import confidence_histogram as confidence_histogram
