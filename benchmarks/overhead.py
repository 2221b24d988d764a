"""What a call costs where the arrays cost nothing: (2, 4, 8, 8)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from by_hand import dice_function, dice_recorded
from harness import Benchmark, Contestant, data, shape_of, torch_contestant
from losses import contestants
from peers import SUBJECTS


def by_hand(x: Any, y: Any) -> Iterator[Contestant]:
    """Dice, written down for this call."""
    forms = {"by hand, recorded": dice_recorded, "by hand, a function": dice_function}
    for what, loss in forms.items():
        form = torch_contestant(what, "torch", loss, torch.from_numpy(x), torch.from_numpy(y))
        yield replace(form, same=False)


def main() -> None:
    b = Benchmark("overhead", "Value and gradient of a tiny image: the cost of the call itself")
    b.rounds *= 30
    x, y = data((2, 4, 8, 8))
    for loss, subject in SUBJECTS.items():
        others = by_hand(x, y) if loss == "Dice" else ()
        b.compare([*others, *contestants(subject, x, y)], loss=loss, shape=shape_of(x.shape))
    b.save()


if __name__ == "__main__":
    main()
