"""The voxelwise maps that losses add up, each with its slope."""

from segloss_xp.maps.base import Field as Field
from segloss_xp.maps.base import Map as Map
from segloss_xp.maps.base import Weighted as Weighted
from segloss_xp.maps.error import PoweredError as PoweredError
from segloss_xp.maps.error import SquaredAgreement as SquaredAgreement
from segloss_xp.maps.error import SquaredError as SquaredError
from segloss_xp.maps.error import SquaredErrorWithin as SquaredErrorWithin
from segloss_xp.maps.likelihood import Divergence as Divergence
from segloss_xp.maps.likelihood import FocalLikelihood as FocalLikelihood
from segloss_xp.maps.likelihood import FocalRejection as FocalRejection
from segloss_xp.maps.likelihood import LogLikelihood as LogLikelihood
from segloss_xp.maps.likelihood import LogRejection as LogRejection
from segloss_xp.maps.likelihood import PoweredMiss as PoweredMiss
from segloss_xp.maps.likelihood import ReverseLikelihood as ReverseLikelihood
from segloss_xp.maps.overlap import FalseNegative as FalseNegative
from segloss_xp.maps.overlap import FalsePositive as FalsePositive
from segloss_xp.maps.overlap import Intersection as Intersection
from segloss_xp.maps.overlap import Minimum as Minimum
from segloss_xp.maps.overlap import Predicted as Predicted
from segloss_xp.maps.overlap import TrueNegative as TrueNegative
from segloss_xp.maps.overlap import Truth as Truth
from segloss_xp.maps.overlap import Volume as Volume
from segloss_xp.maps.signed import SignedDeviation as SignedDeviation
from segloss_xp.maps.signed import SignedPrediction as SignedPrediction
