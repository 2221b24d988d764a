"""A line of the taxonomy."""

import inspect
import re
from dataclasses import dataclass, fields
from typing import Any

from segloss_xp._loss import Loss


@dataclass(frozen=True)
class Entry:
    """
    What there is to know of a loss at a glance.

    Parameters
    ----------
    loss : type of Loss
        The class.
    formula : str
        In plain characters, for one sample, or one sample and class.
    source : str
        First author and year of each paper, separated by ``"; "``, the loss's own first.
    kin : tuple of type of Loss
        The losses that it was derived from, or contains as a term.
    """

    loss: type[Loss]
    formula: str
    source: str
    kin: tuple[type[Loss], ...] = ()

    @property
    def name(self) -> str:
        """Name of the class."""
        return self.loss.__name__

    @property
    def family(self) -> str:
        """The family: the package that the loss is in."""
        return self.loss.__module__.split(".")[1]

    @property
    def year(self) -> int:
        """Year of the loss's own paper."""
        return int(re.findall(r"\d{4}", self.source)[0])

    @property
    def summary(self) -> str:
        """What it is, in a sentence."""
        return inspect.cleandoc(self.loss.__doc__ or "").partition("\n\n")[0].replace("\n", " ")

    @property
    def parameters(self) -> dict[str, Any]:
        """Its own parameters and their defaults, without those that most losses have."""
        shared = {f.name for base in self.loss.__mro__ if _private(base) for f in _fields(base)}
        shared |= {"include_background", "class_weights"}
        return {f.name: f.default for f in fields(self.loss) if f.name not in shared}


def _private(base: type) -> bool:
    return base.__module__.startswith("segloss_xp._")


def _fields(base: type) -> tuple[Any, ...]:
    return fields(base) if issubclass(base, Loss) else ()
