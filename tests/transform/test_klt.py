"""The band transform: fitted per chunk, of some components, or one basis for many chunks."""

from __future__ import annotations

import json

import dask.array
import numpy as np
import pytest
import xarray as xr
from sklearn.decomposition import PCA

from numcodecs_video import VideoCodec, VideoCodecError, fit_pca
from numcodecs_video.config import BandBasis, Settings
from numcodecs_video.decode.chunk import samples_to_levels
from numcodecs_video.encode.chunk import prepare_chunk
from numcodecs_video.encode.levels import ChunkLevels
from numcodecs_video.format.payload import parse_header
from numcodecs_video.transform.klt import fit_basis, project, saves_bits


@pytest.fixture
def bands():
    """Five bands that are mixtures of two fields and some noise, axes tcyx."""
    rng = np.random.default_rng(5)
    t, y, x = np.mgrid[:6, :40, :48]
    fields = np.stack([np.sin((x + t) / 7) * np.cos(y / 9), np.cos((x - 2 * t + y) / 11)])
    mixing = rng.normal(size=(5, 2))
    cube = np.einsum("cf,ftyx->tcyx", mixing, fields) + rng.normal(0, 0.01, (6, 5, 40, 48))
    return (100 * cube + 300).astype("f4")


def test_components_give_the_levels_back_within_a_step(bands):
    """The integer inverse is as precise as the samples."""
    levels = np.rint(bands * 100).astype(np.int64)
    projection = project(levels, fit_basis(levels))
    step = projection.span / 4095
    samples, transform = projection.quantise(step, 12)
    error = samples_to_levels(samples, transform, 12, 5) - levels
    assert np.sqrt((error.astype(float) ** 2).mean()) < 0.35 * step


def test_a_basis_is_used_only_where_it_saves_bits(bands):
    """Correlated bands gain, independent ones do not."""
    levels = np.rint(bands * 100).astype(np.int64)
    assert saves_bits(levels, fit_basis(levels))
    small = parse_header(VideoCodec(psnr=40, pca="auto").encode(bands))
    assert small.transform.weights
    assert len(VideoCodec(psnr=40).encode(bands)) < len(
        VideoCodec(psnr=40, pca=False).encode(bands)
    )


@pytest.mark.parametrize("pca", ["auto", False, 2, 5, 99])
def test_every_choice_of_components_keeps_the_bound(bands, pca):
    """The residual makes up for components that were left out."""
    codec = VideoCodec(max_error=0.5, pca=pca)
    assert np.abs(codec.decode(codec.encode(bands)).astype("f8") - bands).max() <= 0.5


@pytest.mark.parametrize("promise", [{"max_error": 0.5}, {"psnr": 45}, {"qp": 20}, {}])
def test_a_fitted_scikit_learn_basis_serves_every_promise(bands, promise):
    """A PCA object is taken as it is, travels as JSON, and leaves its digest in the chunk."""
    pca = PCA().fit(np.moveaxis(bands, 1, -1).reshape(-1, 5))
    codec = VideoCodec("hevc", pca=pca, **promise)
    again = VideoCodec.from_config(json.loads(json.dumps(codec.get_config())))
    assert again == codec
    payload = again.encode(bands)
    header = parse_header(payload)
    if header.transform.weights:
        assert header.basis == codec.settings.pca.digest
    decoded = VideoCodec().decode(payload).astype("f8")
    if "psnr" in promise:
        rmse = np.sqrt(np.mean((decoded - bands) ** 2))
        assert 20 * np.log10(np.ptp(bands.astype("f8")) / rmse) >= 45


def test_fit_pca_reads_a_dask_array_in_pieces(bands, monkeypatch):
    """It spans the same space as a PCA of all cells, NaN left out."""
    monkeypatch.setattr("numcodecs_video.transform.klt._SLAB_CELLS", 4000)
    holed = bands.copy()
    holed[0, 2, :5] = np.nan
    lazy = xr.DataArray(
        dask.array.from_array(holed, (2, 5, 20, 48)), dims=("time", "band", "y", "x")
    )
    basis = fit_pca(lazy, "band", components=2)
    cells = np.moveaxis(holed, 1, -1).reshape(-1, 5)
    whole = PCA(2).fit(cells[np.isfinite(cells).all(axis=1)])
    np.testing.assert_allclose(np.abs(basis.rows @ whole.components_.T), np.eye(2), atol=0.02)


def test_a_basis_of_other_bands_is_refused(bands):
    """The error names both numbers."""
    with pytest.raises(VideoCodecError, match=r"basis of 3 bands.*has 5"):
        VideoCodec(pca=BandBasis.from_arrays(np.eye(3), np.zeros(3))).encode(bands)
    with pytest.raises(VideoCodecError, match="orthonormal"):
        BandBasis.from_arrays(2 * np.eye(3), np.zeros(3))
    with pytest.raises(VideoCodecError, match="band_dim"):
        fit_pca(xr.DataArray(bands, dims=("time", "band", "y", "x")), "bands")
    for given in (bands, xr.Dataset()):
        with pytest.raises(TypeError, match=f"got {type(given).__name__}: take a variable"):
            fit_pca(given, "band")


def test_the_basis_does_not_depend_on_the_signs_of_eigenvectors(bands):
    """The largest weight of every component is positive."""
    levels = ChunkLevels(prepare_chunk(bands, Settings.parse(max_error=0.5)), 0.5)
    weights = levels.components().weights
    assert (np.take_along_axis(weights, np.abs(weights).argmax(0)[None], 0) > 0).all()


@pytest.mark.parametrize("named", [True, False])
def test_fit_pca_leaves_sentinels_out(bands, named):
    """A fill value of -9999 in one band would be the first component."""
    holed = np.rint(bands * 10).astype("i2")
    expected = fit_pca(xr.DataArray(holed[2:], dims=("time", "band", "y", "x")), "band")
    holed[:2, 1] = -9999
    attrs = {"_FillValue": np.int16(-9999)} if named else {}
    da = xr.DataArray(holed, dims=("time", "band", "y", "x"), attrs=attrs)
    basis = fit_pca(da, "band", nodata=None if named else [-9999])
    np.testing.assert_allclose(np.abs(basis.rows @ expected.rows.T), np.eye(5), atol=1e-5)


def test_components_of_larger_range_have_coarser_steps():
    """They fit, by weights that are so many times larger; those of smaller range stay."""
    rng = np.random.default_rng(2)
    levels = rng.integers(0, 9, (4, 6, 20, 30)) + rng.integers(0, 5000, (4, 1, 20, 30))
    whole = project(levels, fit_basis(levels), 7)
    spans = whole.components.max(axis=(0, 2, 3))
    fitted = whole.fit(spans[0] / 3.5)
    assert fitted.span <= spans[0] / 3.5 < whole.span
    assert whole.fit(whole.span) is whole
    factors = fitted.weights.astype(float) / np.where(whole.weights, whole.weights, 1)
    assert set(np.unique(factors[:, 0])) <= {0.0, 4.0}
    np.testing.assert_array_equal(fitted.weights[:, 1:], whole.weights[:, 1:])
    samples, transform = fitted.quantise(1.0, 12)
    found = samples_to_levels(samples, transform, 12, 6)
    assert np.abs(found - levels).max() <= 8
