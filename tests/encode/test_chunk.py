"""The sample of a chunk that candidates are tried on."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from numcodecs_video.config import Settings
from numcodecs_video.encode.chunk import prepare_chunk


@given(
    frames=st.integers(1, 60),
    gop=st.integers(0, 9),
    bands=st.integers(1, 3),
    height=st.integers(1, 150),
    width=st.integers(1, 150),
)
def test_a_sample_is_a_part_of_the_chunk_in_whole_segments(frames, gop, bands, height, width):
    """Its cells are cells of the chunk, its missing cells are missing there."""
    cube = np.arange(frames * bands * height * width, dtype="f8")
    cube = cube.reshape(frames, bands, height, width)
    cube[:, :, ::7, ::5] = np.nan
    chunk = prepare_chunk(cube, Settings.parse(axes="tcyx", gop=gop))
    sample = chunk.sample(20_000)
    finite = sample.cube[np.isfinite(sample.cube)]
    assert np.isin(finite, cube).all()
    assert len(np.unique(finite)) == finite.size
    valid = np.broadcast_to(sample.valid, sample.cube.shape)
    np.testing.assert_array_equal(valid, np.isfinite(sample.cube))
    assert [s.stop for s in sample.segments][-1] == len(sample.cube)
    assert {len(s) for s in sample.segments} <= {len(s) for s in chunk.segments}
