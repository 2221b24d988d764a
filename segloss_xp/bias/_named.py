"""The risk of the scores that have a theory."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from segloss_xp._array import namespace
from segloss_xp.bias import rank
from segloss_xp.bias._objective import Objective
from segloss_xp.bias._ratio import Score
from segloss_xp.bias.samples import Samples

# Up to so many uncertain regions all 2^R binary predictions are tried: of samples, whose risk is
# a sum over them, and of independent regions, whose risk is an integral.
_MOST_OF_SAMPLES, _MOST_INDEPENDENT = 20, 10
# Equal regions beyond this number are voxels.
VOXELS = 512


@dataclass(frozen=True, eq=False)
class Named(Objective):
    """The risk of a score, exact without enumeration."""

    score: Score

    @property
    def keeps_certain(self) -> bool:
        return True

    @cached_property
    def alike(self) -> bool:
        return True

    @property
    def jumps(self) -> bool:
        return self.score.jumps

    @property
    def most(self) -> int:
        return _MOST_OF_SAMPLES if isinstance(self.truth, Samples) else _MOST_INDEPENDENT

    def prefixes(self, count: int) -> Iterable[int]:
        if count <= VOXELS:
            return range(count + 1)
        p, s = self.truth.marginal, self.truth.sizes
        xp = namespace(p)
        order = xp.argsort(p, descending=True)
        scores = rank.prefix_scores(xp.take(p, order), xp.take(s, order), self.score)
        return [int(xp.argmax(scores)) - int(xp.sum(xp.astype(p >= 1, xp.int32)))]

    def risk(self, x: Any) -> Any:
        ratio = self.score.ratio(x, self.truth.sizes)
        if self.score.logarithmic:
            return self.truth.mean_log(ratio, self.score.empty)
        return 1.0 - self.truth.mean_ratio(ratio, self.score.empty)

    def slopes(self, x: Any) -> Any:
        s, score = self.truth.sizes, self.score
        slopes = self.truth.slopes(score.ratio(x, s), logarithmic=score.logarithmic)
        slopes = score.by_prediction(x, s, slopes)
        return slopes if score.logarithmic else -slopes
