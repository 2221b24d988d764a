"""What a loss makes a perfect network predict where the truth is uncertain, and how wrong it is."""

from segloss_xp.bias.minimiser import Minimum as Minimum
from segloss_xp.bias.minimiser import minimiser as minimiser
from segloss_xp.bias.rank import dice_threshold as dice_threshold
from segloss_xp.bias.rank import rank_scores as rank_scores
from segloss_xp.bias.rank import rank_segment as rank_segment
from segloss_xp.bias.risk import risk as risk
from segloss_xp.bias.samples import Samples as Samples
from segloss_xp.bias.sheet import PROBABILITIES as PROBABILITIES
from segloss_xp.bias.sheet import Bias as Bias
from segloss_xp.bias.sheet import Curves as Curves
from segloss_xp.bias.sheet import curves as curves
from segloss_xp.bias.sheet import sheet as sheet
from segloss_xp.bias.switch import switch_probability as switch_probability
from segloss_xp.bias.uncertainty import Independent as Independent
from segloss_xp.bias.uncertainty import Marginals as Marginals
from segloss_xp.bias.uncertainty import Uncertainty as Uncertainty
from segloss_xp.bias.volume import VolumeBias as VolumeBias
from segloss_xp.bias.volume import VolumeBounds as VolumeBounds
from segloss_xp.bias.volume import volume_bias as volume_bias
from segloss_xp.bias.volume import volume_bounds as volume_bounds
