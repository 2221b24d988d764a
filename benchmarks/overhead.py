"""What a call costs where the arrays cost nothing: (2, 4, 8, 8)."""

from harness import Benchmark, data, shape_of
from losses import contestants
from peers import SUBJECTS


def main() -> None:
    b = Benchmark("overhead", "Value and gradient of a tiny image: the cost of the call itself")
    b.rounds *= 30
    x, y = data((2, 4, 8, 8))
    for loss, subject in SUBJECTS.items():
        b.compare(contestants(subject, x, y), loss=loss, shape=shape_of(x.shape))
    b.save()


if __name__ == "__main__":
    main()
