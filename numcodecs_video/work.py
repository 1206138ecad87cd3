"""A chunk on its way through the candidates, and what they share: levels, components, samples."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from numcodecs_video.chunk import Chunk
from numcodecs_video.coded import Coded, code_missing
from numcodecs_video.config import BandBasis
from numcodecs_video.disguise import disguised_integers, ordered_levels
from numcodecs_video.header import Layer, Transform, Values
from numcodecs_video.klt import Basis, Projection, fit_basis, project, saves_bits
from numcodecs_video.missing import fill_missing, fill_planes
from numcodecs_video.quantise import integer_levels, real_levels, relative_levels
from numcodecs_video.streams import jpeg2k, zstd

__all__ = ["DRAFT_EFFORT", "Work"]

#: levels of a float chunk per step of its residual: what the base's own precision is worth
_FINER = 256
#: the effort of encodes that only decide something
DRAFT_EFFORT = 4
#: the largest number of levels that the band transform keeps exact
_MOST_BASE_LEVELS = 2**40


class Work:
    """A chunk and what its candidates share, computed once.

    Parameters
    ----------
    chunk : Chunk
    bound : float
        The largest error in the data's units; 0 is lossless.
    relative : bool
        The bound is a fraction of each value; for floats only.
    whole : Work, optional
        Of which this is a part: quantisers mean the same there.
    """

    def __init__(
        self, chunk: Chunk, bound: float, *, relative: bool = False, whole: Work | None = None
    ) -> None:
        self.chunk, self.bound, self.relative, self.whole = chunk, bound, relative, whole
        self.is_float = chunk.cube.dtype.kind == "f"

    @cached_property
    def direct(self) -> tuple[NDArray[Any], Values] | None:
        """Filled levels one step apart, for coders without a base; None when there are none."""
        if self.is_float:
            found = self._float_levels()
        else:
            found = integer_levels(self.chunk.cube, self.chunk.valid, int(self.bound))
        if found is not None:
            self._fill(*found)
        return found

    def _fill(self, levels: NDArray[Any], values: Values) -> None:
        """Fill the holes with what is cheapest for the coder."""
        alone = self.chunk.settings.codec in jpeg2k.DEPTHS and values.top < _MOST_BASE_LEVELS
        (fill_planes if alone else fill_missing)(levels, self.chunk.valid)

    def _float_levels(self) -> tuple[NDArray[Any], Values] | None:
        cube, valid = self.chunk.cube, self.chunk.valid
        if not self.bound:
            return None if self._disguise is None else self._disguise[:2]
        levels_of = relative_levels if self.relative else real_levels
        return levels_of(cube, valid, self.bound)

    @cached_property
    def _disguise(self) -> tuple[NDArray[Any], Values, NDArray[Any] | None] | None:
        return disguised_integers(self.chunk.cube, self.chunk.valid)

    @cached_property
    def ordered(self) -> tuple[NDArray[Any], Values] | None:
        """Filled levels of floats: their numbers in increasing order; None where there are none."""
        found = ordered_levels(self.chunk.cube, self.chunk.valid)
        if found is not None:
            fill_missing(found[0], self.chunk.valid)
        return found

    @property
    def exact_levels(self) -> bool:
        """Levels that the residual must bring back exactly, whatever values they stand for."""
        return not self.bound or self.relative

    def options(self, coder: str) -> tuple[tuple[str, str], ...]:
        """The user's raw options, if they are this coder's."""
        settings = self.chunk.settings
        return settings.options if settings.codec == coder else ()

    def start(self, name: str, values: Values, transform: Transform | None = None) -> Coded:
        """What every candidate begins with: missing cells, and the table of values if any."""
        coded = Coded(name, (), (), values, transform or Transform())
        if self._missing is not None:
            coded = coded.add(*self._missing)
        if values.kind != "table" or self._disguise is None or self._disguise[2] is None:
            return coded
        table = self._disguise[2]
        packed = zstd.compress(zstd.shuffle(table.astype(table.dtype.newbyteorder("<"))), 9)
        return coded.add(Layer("table", "zstd"), packed, [b""] * len(self.chunk.segments))

    @cached_property
    def _missing(self) -> tuple[Layer, bytes, list[bytes]] | None:
        return code_missing(self.chunk)

    @cached_property
    def fine(self) -> tuple[NDArray[Any], Values] | None:
        """Filled levels much finer than the bound, for a base; None when there are none."""
        if self.exact_levels:
            found = self.direct
        elif self.is_float:
            # Rounding to the fine levels costs half a level of the bound.
            bound = self.bound / (_FINER + 1)
            found = real_levels(self.chunk.cube, self.chunk.valid, bound)
        else:
            found = integer_levels(self.chunk.cube, self.chunk.valid, 0)
        if found is None or found[1].top >= _MOST_BASE_LEVELS:
            return None
        if not self.exact_levels:
            self._fill(*found)
        return found

    @property
    def residual_step(self) -> int:
        """Levels of :attr:`fine` that one unit of the residual stands for."""
        if self.exact_levels:
            return 1
        return _FINER if self.is_float else 2 * int(self.bound) + 1

    @cached_property
    def projection(self) -> Projection:
        """The components of the fine levels."""
        if self.fine is None:
            raise ValueError("there are no fine levels to project")
        return project(self.fine[0], self._basis(*self.fine))

    @cached_property
    def _bands(self) -> Projection:
        if self.fine is None:
            raise ValueError("there are no fine levels")
        return project(self.fine[0], None)

    def components(self, plain: bool) -> Projection:
        """The components of the fine levels, or, plain, their bands as they are."""
        return self._bands if plain else self.projection

    def _basis(self, levels: NDArray[Any], values: Values) -> Basis | None:
        """The basis that the settings ask for; None where bands stay bands."""
        pca, bands = self.chunk.settings.pca, levels.shape[1]
        if pca is False or bands == 1 or values.kind not in ("integer", "real"):
            return None
        if isinstance(pca, BandBasis):
            centre = (pca.centre - float(values.offset)) / float(values.step)
            return Basis(centre, pca.rows)
        basis = fit_basis(levels)
        if pca == "auto":
            return basis if saves_bits(levels, basis) else None
        return Basis(basis.mean, basis.rows[:pca])

    def sample(self, cells: float) -> Work:
        """The same work on a part of the chunk, at a draft's effort: what trials run on."""
        part = self.chunk if cells == math.inf else self.chunk.sample(int(cells))
        effort = min(DRAFT_EFFORT, part.settings.effort)
        part = replace(part, settings=replace(part.settings, effort=effort))
        return Work(part, self.bound, relative=self.relative, whole=self)
