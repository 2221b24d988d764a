"""Where the losses stand on the map, and where the lines between them run."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from segloss_xp._entry import Entry

#: In inches.
NODE_WIDTH, NODE_HEIGHT = 1.3, 0.54
_GAP, _GUTTER, _TRACK, _BETWEEN_FAMILIES = 0.09, 0.14, 0.055, 0.12
_PER_LANE = 12


@dataclass(frozen=True)
class Line:
    """From a loss to all that derive from it: a trunk below it, and branches down the gutters."""

    parent: Entry
    children: tuple[Entry, ...]
    trunk: float
    gutters: dict[int, float]


class Placement:
    """
    The map, in inches from its upper left corner.

    Every family has lanes side by side, every year rows below one another; a line leaves a loss
    into the gap below its row, runs there to the gutter left of a lane, and down that to a loss.
    In gaps and gutters every line has a track of its own.

    Parameters
    ----------
    entries : sequence of Entry
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.families = list(dict.fromkeys(entry.family for entry in entries))
        self._entry = {entry.loss: entry for entry in entries}
        self._place_lanes()
        self._place_rows()
        self._route()

    def kin(self, entry: Entry) -> list[Entry]:
        """What the loss was derived from."""
        return [self._entry[loss] for loss in entry.kin if loss in self._entry]

    def box(self, entry: Entry) -> tuple[float, float]:
        """Left and top of a loss."""
        return self._lefts[self.lane[entry]], self._tops[self.row[entry]]

    def entry_height(self, child: Entry, parent: Entry) -> float:
        """How far below the top of a loss the line from one of its kin comes in."""
        kin = self.kin(child)
        return NODE_HEIGHT * (1 + kin.index(parent)) / (1 + len(kin))

    def lane_span(self, family: str) -> tuple[float, float]:
        """Left and right of a family."""
        first, last = self.lanes[family][0], self.lanes[family][-1]
        return self._lefts[first] - self._gutters[first], self._lefts[last] + NODE_WIDTH

    def year_span(self, year: int) -> tuple[float, float]:
        """Top and bottom of a year."""
        first, last = self.rows[year][0], self.rows[year][-1]
        return self._tops[first], self._tops[last] + NODE_HEIGHT + self._gaps[last]

    def _place_lanes(self) -> None:
        self.lanes: dict[str, range] = {}
        start = 0
        for family in self.families:
            size = sum(entry.family == family for entry in self.entries)
            count = max(1, math.ceil(size / _PER_LANE))
            self.lanes[family] = range(start, start + count)
            start += count
        self.lane_count = start

    def _place_rows(self) -> None:
        self.row: dict[Entry, int] = {}
        self.lane: dict[Entry, int] = {}
        self.rows: dict[int, range] = {}
        taken: set[tuple[int, int]] = set()
        start = 0
        for year in sorted({entry.year for entry in self.entries}):
            of_year = [entry for entry in self.entries if entry.year == year]
            waiting = sorted(of_year, key=lambda entry: self._depth(entry, year))
            for entry in waiting:
                row = max(
                    (self.row[kin] + 1 for kin in self.kin(entry) if kin.year == year),
                    default=start,
                )
                lanes = self.lanes[entry.family]
                while all((row, lane) in taken for lane in lanes):
                    row += 1
                free = [lane for lane in lanes if (row, lane) not in taken]
                near = [self.lane[kin] for kin in self.kin(entry) if kin in self.lane]
                load = {lane: sum(each == lane for _, each in taken) for lane in free}
                lane = min(
                    free,
                    key=lambda lane: (load[lane], min((abs(lane - k) for k in near), default=0)),
                )
                self.row[entry], self.lane[entry] = row, lane
                taken.add((row, lane))
            end = 1 + max(self.row[entry] for entry in of_year)
            self.rows[year] = range(start, end)
            start = end
        self.row_count = start

    def _depth(self, entry: Entry, year: int) -> int:
        of_year = (kin for kin in self.kin(entry) if kin.year == year)
        return max((1 + self._depth(kin, year) for kin in of_year), default=0)

    def _route(self) -> None:
        children: dict[Entry, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            for kin in self.kin(entry):
                children[kin].append(entry)
        down: dict[int, dict[Entry, tuple[float, float]]] = defaultdict(dict)
        across: dict[int, dict[Entry, tuple[float, float]]] = defaultdict(dict)
        for parent, derived in children.items():
            row, lane = self.row[parent], self.lane[parent]
            lanes = {self.lane[each] for each in derived}
            across[row][parent] = min(lane, *lanes) - 0.5, max(lane, *(x - 0.5 for x in lanes))
            for at in lanes:
                rows = [self.row[each] for each in derived if self.lane[each] == at]
                down[at][parent] = min(row + 0.5, *rows), max(row + 0.5, *rows)
        gap_tracks = {row: _tracks(spans) for row, spans in across.items()}
        gutter_tracks = {lane: _tracks(spans) for lane, spans in down.items()}
        self._gaps = [_GAP + _TRACK * _count(gap_tracks.get(r, {})) for r in range(self.row_count)]
        self._gutters = [
            _GUTTER + _TRACK * _count(gutter_tracks.get(lane, {}))
            for lane in range(self.lane_count)
        ]
        self._lefts, self._tops = [], []
        x = y = 0.0
        for lane in range(self.lane_count):
            x += self._gutters[lane]
            if any(lane == lanes[0] for lanes in self.lanes.values()) and lane:
                x += _BETWEEN_FAMILIES
            self._lefts.append(x)
            x += NODE_WIDTH
        for row in range(self.row_count):
            self._tops.append(y)
            y += NODE_HEIGHT + self._gaps[row]
        self.width, self.height = x, y
        self.lines = [
            Line(
                parent,
                tuple(derived),
                self._tops[row] + NODE_HEIGHT + _GAP / 2 + _TRACK * (gap_tracks[row][parent] + 0.5),
                {
                    at: self._lefts[at] - _GUTTER / 2 - _TRACK * (tracks[parent] + 0.5)
                    for at, tracks in gutter_tracks.items()
                    if parent in tracks
                },
            )
            for parent, derived in children.items()
            for row in [self.row[parent]]
        ]


def _tracks(spans: dict[Entry, tuple[float, float]]) -> dict[Entry, int]:
    """A track for each, so that those on one do not meet; few tracks."""
    ends: list[float] = []
    tracks = {}
    for entry, (start, end) in sorted(spans.items(), key=lambda item: item[1]):
        track = next((k for k, last in enumerate(ends) if last < start), len(ends))
        ends[track : track + 1] = [end]
        tracks[entry] = track
    return tracks


def _count(tracks: dict[Entry, int]) -> int:
    return 1 + max(tracks.values(), default=-1)
