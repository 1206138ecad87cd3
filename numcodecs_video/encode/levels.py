"""A chunk on its way through the candidates, and what they share: its levels and components."""

from __future__ import annotations

import math
from copy import copy
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from numcodecs_video.coders import find_coder, find_value_coder
from numcodecs_video.config import BandBasis
from numcodecs_video.encode.chunk import Chunk
from numcodecs_video.encode.effort import EFFORTS
from numcodecs_video.encode.encoded import EncodedChunk
from numcodecs_video.encode.layers import encode_missing
from numcodecs_video.format.header import Layer, Transform
from numcodecs_video.transform.cube import group_frames
from numcodecs_video.transform.klt import Basis, Projection, fit_basis, project, saves_bits
from numcodecs_video.transform.lattice import lattice_levels, ordered_levels, table_levels
from numcodecs_video.transform.levels import (
    Levels,
    common_unit,
    entropy,
    integer_levels,
    many_lowest,
    real_levels,
    relative_levels,
)
from numcodecs_video.transform.missing import fill_missing, fill_planes
from numcodecs_video.transform.near_lattice import (
    Lattice,
    find_lattice,
    lattice_numbers,
    run_levels,
)

__all__ = ["ChunkLevels"]

#: steps of the bound and cells that there must be for each value of a table
_STEPS_A_VALUE, _CELLS_A_VALUE = 8, 64
#: values with more than so many times the information of the bound's steps are better rounded
_MERGED = 1.1
#: so few levels are fewer than those of the values
_FEW_LEVELS = 16
#: levels of a float chunk per step of its residual: what the base's own precision is worth
_FINER = 256
#: the largest number of levels that the band transform keeps exact
_MOST_BASE_LEVELS = 2**40
#: a basis over frames has many weights: they are multiples of 2**-7, a byte each
_GROUP_UNIT = 7
#: cells, all frames and bands, that it is fitted to
_MOST_GROUP_CELLS = 4_000_000
#: tables of values are small: by the highest level
_TABLE_OPTIONS = EFFORTS[-1].options("zstd", lossy=False)


class ChunkLevels:
    """A chunk and what its candidates share, computed once.

    Parameters
    ----------
    chunk : Chunk
    bound : float
        The largest error in the data's units; 0 is lossless.
    relative : bool
        The bound is a fraction of each value; for floats only.
    whole : ChunkLevels, optional
        Of which this is a part: quantisers mean the same there.
    """

    def __init__(
        self,
        chunk: Chunk,
        bound: float,
        *,
        relative: bool = False,
        whole: ChunkLevels | None = None,
    ) -> None:
        self.chunk, self.bound, self.relative, self.whole = chunk, bound, relative, whole
        self.is_float = chunk.cube.dtype.kind == "f"
        self._grouped: tuple[int, Projection] | None = None
        self._group_spans = dict[int, float]()
        self._group_rows = dict[int, NDArray[np.float64]]()

    @cached_property
    def direct(self) -> Levels | None:
        """Filled levels one step apart, for coders without a base; None when there are none."""
        cube, valid = self.chunk.cube, self.chunk.valid
        if not self.is_float:
            return self._filled(integer_levels(cube, valid, int(self.bound), self.unit))
        if not self.bound:
            return self._filled(self._lossless)
        if self.relative:
            return self._filled(relative_levels(cube, valid, self.bound))
        if self.lattice is not None:
            numbers = lattice_numbers(cube, valid, self.lattice)
            return self._filled(run_levels(numbers, self.lattice))
        return self._filled(self._real if self._table is None else self._table)

    @property
    def _lossless(self) -> Levels | None:
        """Floats on a lattice or by rank; a part has a table where the whole has one."""
        whole = None if self.whole is None else self.whole.direct
        levels_of = lattice_levels if whole is None or whole.table is None else table_levels
        return levels_of(self.chunk.cube, self.chunk.valid)

    def without_loss(self) -> ChunkLevels | None:
        """Floats as they are, where the loss would take hardly any information away; else None."""
        direct = self.direct
        if direct is None or not self.is_float or not self.bound or self.lattice is not None:
            return None
        if direct.table is not None or direct.top < _FEW_LEVELS:
            return None
        cube, valid = self.chunk.cube, self.chunk.valid
        if entropy(cube, valid) > _MERGED * entropy(direct.array, valid):
            return None
        exact = ChunkLevels(self.chunk, 0)
        return None if exact.direct is None else exact

    @cached_property
    def lattice(self) -> Lattice | None:
        """Where floats lie under a bound, and how many of its points a level may stand for."""
        if self.whole is not None:
            return self.whole.lattice
        if not self.is_float or self.exact or self._spreads_errors:
            return None
        return find_lattice(self.chunk.cube, self.chunk.valid, self.bound)

    @cached_property
    def unit(self) -> int:
        """What divides all distances between integers."""
        if self.whole is not None:
            return self.whole.unit
        if self.is_float or (self.bound and self._spreads_errors):
            return 1
        unit = common_unit(self.chunk.cube, self.chunk.valid)
        even = 2 * int(self.bound) // unit % 2
        return 1 if even and many_lowest(self.chunk.cube, self.chunk.valid) else unit

    @cached_property
    def _real(self) -> Levels | None:
        """Floats in steps of the bound."""
        within = self.chunk.settings.fidelity.kind in ("rmse", "psnr")
        return real_levels(self.chunk.cube, self.chunk.valid, self.bound, within=within)

    @cached_property
    def _table(self) -> Levels | None:
        """Floats by rank, where they have so few values that most of those steps hold none.

        Nor where the bound makes one of many of them: those of logarithmic steps are far apart
        where they are large, and most cells may hold small ones.
        """
        cube, valid = self.chunk.cube, self.chunk.valid
        if self.whole is not None:
            return None if self.whole._table is None else table_levels(cube, valid)
        if self._real is None or self._spreads_errors:
            return None
        most = min(self._real.top // _STEPS_A_VALUE, cube.size // _CELLS_A_VALUE)
        found = table_levels(cube, valid, most)
        if found is None:
            return None
        ranks, steps = (entropy(array, valid) for array in (found.array, self._real.array))
        return found if ranks <= _MERGED * steps else None

    @property
    def _base_on_lattice(self) -> Lattice | None:
        """The lattice, unless decoders of the base differ by levels that are few then."""
        name = self.chunk.settings.codec
        return self.lattice if name == "auto" or find_coder(name).exact_decoder else None

    @property
    def _spreads_errors(self) -> bool:
        """The bound is no promise: errors up to it should be as likely as any others."""
        return self.chunk.settings.fidelity.kind in ("rmse", "psnr", "qp")

    @cached_property
    def ordered(self) -> Levels | None:
        """Filled levels of floats: their numbers in increasing order; None where there are none."""
        found = ordered_levels(self.chunk.cube, self.chunk.valid)
        if found is not None:
            fill_missing(found.array, self.chunk.valid)
        return found

    @cached_property
    def fine(self) -> Levels | None:
        """Filled levels much finer than the bound, for a base; None when there are none."""
        cube, valid = self.chunk.cube, self.chunk.valid
        if self.exact:
            found = self.direct
        elif not self.is_float:
            bound = int(self.bound)
            found = self._filled(integer_levels(cube, valid, bound, self.unit, apart=True))
        elif self._base_on_lattice is not None:
            found = self._filled(lattice_numbers(cube, valid, self._base_on_lattice))
        else:
            # Rounding to the fine levels costs half a level of the bound.
            found = self._filled(real_levels(cube, valid, self.bound / (_FINER + 1)))
        return None if found is None or found.top >= _MOST_BASE_LEVELS else found

    def _filled(self, levels: Levels | None) -> Levels | None:
        """Fill the holes with what is cheapest for the coder."""
        if levels is not None:
            name = self.chunk.settings.codec
            alone = name != "auto" and not find_coder(name).predicts_in_time
            fill = fill_planes if alone and levels.top < _MOST_BASE_LEVELS else fill_missing
            fill(levels.array, self.chunk.valid)
        return levels

    @property
    def exact(self) -> bool:
        """Levels that the residual must bring back exactly, whatever values they stand for."""
        return not self.bound or self.relative

    @property
    def residual_step(self) -> int:
        """Levels of :attr:`fine` that one unit of the residual stands for."""
        if self.exact:
            return 1
        if not self.is_float:
            return 2 * int(self.bound) // self.unit + 1
        return _FINER if self._base_on_lattice is None else self._base_on_lattice.run

    def components(self, *, without_klt: bool = False, group: int = 1) -> Projection:
        """The components of the fine levels, or their bands as they are.

        Parameters
        ----------
        without_klt : bool
            The bands.
        group : int
            Frames whose bands are mixed.

        Raises
        ------
        ValueError
            When there are no fine levels.
        """
        if group > 1:
            return self._of_groups(group)
        self._grouped = None
        return self._bands if without_klt else self._components

    def span(self, *, without_klt: bool = False, group: int = 1) -> float:
        """The largest value of :meth:`components`."""
        if group == 1:
            return (self._bands if without_klt else self._components).span
        if group not in self._group_spans:
            self._group_spans[group] = self._of_groups(group).span
        return self._group_spans[group]

    def _of_groups(self, group: int) -> Projection:
        """The components of so many frames; a part uses the basis of the whole.

        They are kept until others are asked for: each are as large as the chunk.
        """
        if self._grouped is None or self._grouped[0] != group:
            self._grouped = None
            cube = group_frames(self._some_fine().array, self.chunk.segments, group)
            mean = cube.mean(axis=(0, 2, 3), dtype=np.float64)
            basis = Basis(mean, (self.whole or self)._rows_of_groups(group))
            self._grouped = group, project(cube, basis, _GROUP_UNIT)
        return self._grouped[1]

    def _rows_of_groups(self, group: int) -> NDArray[np.float64]:
        """The basis (P, C) of groups of so many frames, fitted to a part of the cells."""
        if group not in self._group_rows:
            cells = self._some_fine().array
            cells = cells.reshape(*cells.shape[:2], 1, -1)
            cells = cells[..., :: max(1, cells.size // _MOST_GROUP_CELLS)]
            cells = group_frames(cells, self.chunk.segments, group)
            self._group_rows[group] = fit_basis(cells).rows
        return self._group_rows[group]

    @cached_property
    def _components(self) -> Projection:
        fine = self._some_fine()
        return project(fine.array, self._basis(fine))

    @cached_property
    def _bands(self) -> Projection:
        return project(self._some_fine().array, None)

    def _some_fine(self) -> Levels:
        if self.fine is None:
            raise ValueError("there are no fine levels")
        return self.fine

    def _basis(self, levels: Levels) -> Basis | None:
        """The basis that the settings ask for; None where bands stay bands."""
        pca, bands, values = self.chunk.settings.pca, levels.array.shape[1], levels.values
        if pca is False or bands == 1 or values.kind not in ("integer", "real"):
            return None
        if isinstance(pca, BandBasis):
            centre = (pca.centre - float(values.offset)) / float(values.step)
            return Basis(centre, pca.rows)
        basis = fit_basis(levels.array)
        if pca == "auto":
            return basis if saves_bits(levels.array, basis) else None
        return Basis(basis.mean, basis.rows[:pca])

    @property
    def known_valid(self) -> NDArray[np.bool_] | None:
        """Cells (T, C, Y, X) that a reader knows to hold a value; None where all do."""
        chunk = self.chunk
        return None if chunk.missing is None else np.broadcast_to(chunk.valid, chunk.cube.shape)

    def raw_options(self, coder: str) -> tuple[tuple[str, str], ...]:
        """The user's raw options, if they are this coder's."""
        settings = self.chunk.settings
        return settings.options if settings.codec == coder else ()

    def start(self, name: str, levels: Levels, transform: Transform | None = None) -> EncodedChunk:
        """What every candidate begins with: missing cells, and the table of values if any."""
        encoded = EncodedChunk(name, (), (), levels.values, transform or Transform())
        if self._missing is not None:
            encoded = encoded.add(*self._missing)
        if levels.table is None:
            return encoded
        table = levels.table.astype(levels.table.dtype.newbyteorder("<"))
        packed = find_value_coder("zstd").encode_values(table, _TABLE_OPTIONS)
        return encoded.add(Layer("table", "zstd"), packed, [b""] * len(self.chunk.segments))

    @cached_property
    def _missing(self) -> tuple[Layer, bytes, list[bytes]] | None:
        return encode_missing(self.chunk)

    def sample(self, cells: float, effort: int) -> ChunkLevels:
        """The same on a part of the chunk, at another effort: what trials run on."""
        part = self.chunk if cells == math.inf else self.chunk.sample(int(cells))
        part = replace(part, settings=replace(part.settings, effort=effort))
        return ChunkLevels(part, self.bound, relative=self.relative, whole=self)

    def at_effort(self, effort: int) -> ChunkLevels:
        """The same at another effort; what is known of them already serves both."""
        other = copy(self)
        other.chunk = replace(self.chunk, settings=replace(self.chunk.settings, effort=effort))
        return other
