"""What a loss makes a perfect network predict where the truth is uncertain, and how wrong it is."""

from segloss_xp.bias.risk import risk as risk
from segloss_xp.bias.uncertainty import Independent as Independent
from segloss_xp.bias.uncertainty import Marginals as Marginals
from segloss_xp.bias.uncertainty import Samples as Samples
