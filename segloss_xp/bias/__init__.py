"""Volume bias: what a loss makes of uncertainty, whether it shows, and what to do about it."""

from segloss_xp.bias.adaptive import adaptive_calibration_error as adaptive_calibration_error
from segloss_xp.bias.binning import HistogramBinning as HistogramBinning
from segloss_xp.bias.binning import IsotonicRegression as IsotonicRegression
from segloss_xp.bias.calibration import ConfidenceHistogram as ConfidenceHistogram
from segloss_xp.bias.calibration import confidence_histogram as confidence_histogram
from segloss_xp.bias.reliability import draw_reliability as draw_reliability
from segloss_xp.bias.scaling import PlattScaling as PlattScaling
from segloss_xp.bias.scaling import TemperatureScaling as TemperatureScaling
from segloss_xp.bias.scaling import VectorScaling as VectorScaling
from segloss_xp.bias.simulate import AmbiguousRings as AmbiguousRings
from segloss_xp.bias.simulate import GaussianVoxels as GaussianVoxels
from segloss_xp.bias.simulate import annotators as annotators
from segloss_xp.bias.volume import Interval as Interval
from segloss_xp.bias.volume import VolumeRecalibration as VolumeRecalibration
from segloss_xp.bias.volume import bootstrap_mean as bootstrap_mean
