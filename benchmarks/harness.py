"""
What the benchmarks share: taking turns in one process, peak memory, the machine, the results.

All that is compared takes turns, round after round, so that a change of the machine's pace meets
all alike; the second of two runs of a turn is timed. Times are medians over the rounds, and ratios
are within one run. Threads are pinned to as many processors. The floor of a loss is the time in
which the machine copies what no loss can do without: logits and labels as given, read forward and
read backward, and a gradient written.
"""

import argparse
import ctypes
import importlib.metadata
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import RESULTS, table

Run = Callable[[], Any]
LIBRARIES = ("torch", "jax", "numpy", "monai", "nnunetv2", "segmentation-models-pytorch")
LIBRARIES += ("kornia", "optax", "scipy", "numba", "edt")


def heap_peak(run: Run) -> int:
    """The most bytes that are allocated at once, by whatever library, the result included."""
    import memray

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "allocations"
        with memray.Tracker(path):
            kept = run()
        del kept
        return memray.FileReader(path).metadata.peak_memory


@dataclass(frozen=True)
class Contestant:
    """
    Somebody's way to compute something.

    Parameters
    ----------
    library, form : str
        Whose, and how: "torch", "torch compiled", "JAX jit", "NumPy".
    both : callable
        Computes value and gradient, or whatever it is that is compared.
    forward : callable, optional
        Computes the value alone.
    peak : callable, optional
        Gives the most bytes that a run of `both` holds beside its inputs, its result included.
    same : bool
        Whether it computes what is compared. What does not has its speed, but sets nobody's.
    """

    library: str
    form: str
    both: Run
    forward: Run | None = None
    peak: Callable[[Run], int] | None = heap_peak
    same: bool = True

    @property
    def ours(self) -> bool:
        """Whether it is this library's."""
        return self.library == "segloss_xp"

    @property
    def arrays(self) -> str:
        """The library of the arrays that it takes."""
        return self.form.partition(" ")[0]


@dataclass
class Benchmark:
    """Rows of results, from the command line's options to the files."""

    name: str
    about: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    device: str = "cpu"
    options: argparse.Namespace = field(init=False)

    def __post_init__(self) -> None:
        parser = argparse.ArgumentParser(description=self.about)
        parser.add_argument("--quick", action="store_true", help="few rounds, small volumes")
        parser.add_argument("--rounds", type=int, help="(default: 7, with --quick 3)")
        parser.add_argument("--threads", type=int, default=1, help="processors (default: 1)")
        parser.add_argument(
            "--steady", action="store_true", help="let glibc keep what is freed, as jemalloc does"
        )
        parser.add_argument("--only", nargs="+", metavar="WORD", help="what has one of the words")
        self.options = parser.parse_args()
        self.rounds = self.options.rounds or (3 if self.options.quick else 7)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: self.options.threads])
        torch.set_num_threads(self.options.threads)
        if self.options.steady:
            keep_freed()

    def wanted(self, *words: str) -> bool:
        """Whether ``--only`` asks for it."""
        only = self.options.only
        return not only or any(word.lower() in " ".join(words).lower() for word in only)

    @property
    def stem(self) -> str | None:
        """The name of its files; None if too little was measured to be kept."""
        if self.options.quick or self.options.only:
            return None
        return f"{self.name}-{self.options.threads}" + "-steady" * self.options.steady

    def compare(
        self,
        contestants: Iterable[Contestant],
        x: Any = None,
        y: Any = None,
        *,
        gradient: bool = True,
        **facts: Any,
    ) -> list[dict[str, Any]]:
        """
        Measure all in turns, if ``--only`` asks for one of the facts; the rows.

        Speed is a ratio to the fastest other that computes the same on the same arrays; on any
        arrays, if there is none. Given logits and labels, as in a floor with or without a gradient,
        memory is in sizes of the logits.
        """
        if not self.wanted(*map(str, facts.values())):
            return []
        contestants = dict(enumerate(contestants))
        label = f"{self.name}: " + ", ".join(str(each) for each in facts.values())
        times = measure({i: c.both for i, c in contestants.items()}, self.rounds, label)
        forward = {i: c.forward for i, c in contestants.items() if c.forward}
        values = measure(forward, (self.rounds + 1) // 2)
        medians = {i: statistics.median(each) for i, each in times.items()}
        peers = {i: c for i, c in contestants.items() if c.same and not c.ours}
        floor = None if x is None else 1e3 * least(x, y, gradient) / bandwidth(device=self.device)
        rows = []
        for i, c in contestants.items():
            alike = [j for j, peer in peers.items() if peer.arrays == c.arrays] or peers
            row = {**facts, "library": c.library, "form": c.form}
            row["ms"] = medians[i]
            row["least ms"] = min(times[i])
            if i in values:
                row["forward ms"] = statistics.median(values[i])
            row["speed"] = min(medians[j] for j in alike) / medians[i] if alike else None
            if floor:
                row["times floor"] = medians[i] / floor
            if c.peak:
                unit, size = ("MB", 1 << 20) if x is None else ("/ logits", x.nbytes)
                row[f"peak {unit}"] = c.peak(c.both) / size
            rows.append(row)
        self.rows += rows
        return rows

    def save(self) -> None:
        """Print the table; write it, if all was measured, as Markdown and JSON."""
        machine = facts_of_machine(self.options.threads, self.device)
        text = f"# {self.about}\n\n{describe(machine)}\n\n{table(self.rows)}\n"
        print(text)
        if self.stem:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"{self.stem}.md").write_text(text, encoding="utf-8")
            record = {"about": self.about, "machine": machine, "rows": self.rows}
            (RESULTS / f"{self.stem}.json").write_text(json.dumps(record, indent=1) + "\n")


def keep_freed() -> None:
    """Have glibc keep what is freed, however large it is."""
    if platform.libc_ver()[0] != "glibc":
        raise SystemExit("--steady needs glibc, which this Python does not use")
    libc = ctypes.CDLL(None)
    options = {"M_MMAP_THRESHOLD": (-3, 1 << 30), "M_TRIM_THRESHOLD": (-1, (1 << 31) - 1)}
    for name, (option, size) in options.items():
        if libc.mallopt(option, size) != 1:
            raise SystemExit(f"--steady: glibc takes no {name} of {size} bytes")


def measure(runs: dict[Any, Run], rounds: int, label: str = "") -> dict[Any, list[float]]:
    """
    Milliseconds of each in each round: of the second of two runs.

    The first finds memory as another has left it. Where a virtual machine gives pages back to its
    host when they are freed, who comes after one that frees much pays for getting them again: a
    third of the time of what itself needs little.
    """
    from rich.progress import Progress

    times: dict[Any, list[float]] = {key: [] for key in runs}
    # Nothing else runs while something is timed.
    with Progress(transient=True, auto_refresh=False, disable=not label) as progress:
        turns = progress.add_task(label, total=rounds * len(runs))
        for _ in range(rounds):
            for key, run in runs.items():
                run()  # in the first round it compiles
                start = time.perf_counter()
                run()
                times[key].append(1e3 * (time.perf_counter() - start))
                progress.update(turns, advance=1, refresh=True)
    return times


def least(x: Any, y: Any, gradient: bool = True) -> int:
    """Bytes that a loss reads of logits and labels, and writes of a gradient, at the least."""
    passes = 1 + gradient
    return passes * (x.nbytes + y.nbytes) + gradient * x.nbytes


def bandwidth(size: int = 1 << 28, device: str = "cpu") -> float:
    """Bytes a second, read and written, of a copy that no cache holds."""
    source = torch.zeros(size // 4, device=device)
    target = torch.zeros_like(source)

    def copy() -> None:
        target.copy_(source)
        if device != "cpu":
            torch.cuda.synchronize()

    return 2 * size / (1e-3 * min(measure({0: copy}, 5)[0]))


def torch_contestant(library: str, form: str, loss: Any, x: Any, y: Any) -> Contestant:
    """Value and gradient of a loss of PyTorch's arrays."""

    def both() -> Any:
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(loss(leaf, y), leaf)

    def forward() -> Any:
        with torch.no_grad():
            return loss(x, y)

    return Contestant(library, form, both, forward)


def jax_contestant(library: str, form: str, loss: Any, x: Any, y: Any) -> Contestant:
    """Value and gradient of a loss of JAX's arrays, compiled."""
    import jax

    compiled = jax.jit(jax.value_and_grad(loss)).lower(x, y).compile()
    value = jax.jit(loss)
    return Contestant(
        library,
        form,
        lambda: jax.block_until_ready(compiled(x, y)),
        lambda: jax.block_until_ready(value(x, y)),
    )


def data(shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Logits of noise, and labels of noise, these of 64 bits."""
    rng = np.random.default_rng(0)
    yield rng.normal(size=shape).astype(np.float32)
    yield rng.integers(0, shape[1], (shape[0], *shape[2:]))


def shape_of(shape: tuple[int, ...]) -> str:
    """A shape as the tables have it."""
    return "×".join(map(str, shape))


def facts_of_machine(threads: int, device: str) -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "processor": _processor(),
        "threads": threads,
        "python": platform.python_version(),
        "copy GB/s": round(bandwidth(device=device) / 1e9, 1),
        **{name: importlib.metadata.version(name) for name in LIBRARIES if _installed(name)},
    }


def describe(machine: dict[str, Any]) -> str:
    """The machine in one paragraph."""
    return ", ".join(f"{key} {value}" for key, value in machine.items()) + "."


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
