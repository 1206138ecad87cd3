"""Streams taken out of chunks bit for bit, and previews that players open."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from numcodecs_video import Jpeg2kCodec, VideoCodec
from numcodecs_video.errors import DecodeError, VideoCodecError
from numcodecs_video.export.streams import extract_stream
from numcodecs_video.format.payload import parse_header, split_section
from numcodecs_video.format.varint import split_units

av = pytest.importorskip("av")


def moving(frames: int = 7, height: int = 40, width: int = 48) -> np.ndarray:
    """A pattern that moves: uint8 array, shape (T, Y, X)."""
    t, y, x = np.mgrid[:frames, :height, :width]
    noise = np.random.default_rng(0).integers(0, 9, t.shape)
    return (120 + 80 * np.sin((x + 2 * t) / 6) * np.cos(y / 7) + noise).astype("u1")


def units_of(payload: bytes) -> list[bytes]:
    """The units of the video layer, the shared ones before every segment's."""
    header = parse_header(payload)
    found = header.layer_index("base")
    index = found if found is not None else header.layer_index("residual")
    parts = [
        split_section(header, n, payload[slice(*header.section_range(n))])[index]
        for n in range(len(header.sections))
    ]
    return [unit for part in parts[1:] for unit in split_units(parts[0]) + split_units(part)]


def nals_of(packet: bytes) -> list[bytes]:
    """The NAL units of a packet in Matroska, each after a length of four bytes."""
    nals, at = [], 0
    while at < len(packet):
        length = int.from_bytes(packet[at : at + 4], "big")
        nals.append(packet[at + 4 : at + 4 + length])
        at += 4 + length
    return nals


@pytest.mark.parametrize("gop", [0, 3])
@pytest.mark.parametrize(
    ("coder", "words"),
    [
        ("hevc", {"qp": 22}),
        ("h264", {"qp": 22}),
        ("vp9", {"qp": 30}),
        ("av1", {"qp": 30}),
        ("ffv1", {"lossless": True}),
    ],
)
def test_a_remuxed_stream_is_the_chunks_own(tmp_path, coder, words, gop):
    """Every byte of every unit, and as many pictures as there are frames and key pictures."""
    payload = VideoCodec(coder, gop=gop, effort=1, **words).encode(moving(height=80, width=72))
    done = extract_stream(payload, tmp_path / "a.mkv")
    assert done.frames == 7
    assert done.key_pictures in (0, parse_header(payload).segments)
    with av.open(tmp_path / "a.mkv") as file:
        packets = [bytes(packet) for packet in file.demux(video=0) if packet.size]
    nal = coder in ("hevc", "h264")
    found = [unit for packet in packets for unit in nals_of(packet)] if nal else packets
    # Matroska wants AV1 without the temporal delimiters, two bytes that are always the same.
    assert found == [unit.removeprefix(b"\x12\x00") for unit in units_of(payload)]
    with av.open(tmp_path / "a.mkv") as file:
        times = [frame.time for frame in file.decode(video=0)]
    assert len(times) == 7 + done.key_pictures
    assert times == sorted(set(times))
    assert times[-1] == pytest.approx(6 / 25, abs=0.002)


def test_frames_of_a_remuxed_stream_are_the_base(tmp_path):
    """What FFmpeg shows, key pictures left out, is what the decoder takes for the base."""
    cube = moving()
    payload = VideoCodec("hevc", qp=4, gop=3, bits=8, effort=1).encode(cube)
    done = extract_stream(payload, tmp_path / "a.mkv")
    with av.open(tmp_path / "a.mkv") as file:
        frames = [(frame.time, frame.to_ndarray()[:40, :48]) for frame in file.decode(video=0)]
    if done.key_pictures:
        # A key picture comes a millisecond before the first frame of its segment.
        frames = [
            f
            for f, after in zip(frames, [*frames[1:], None], strict=True)
            if after is None or after[0] - f[0] > 0.0015
        ]
    assert len(frames) == 7
    for (_, shown), original in zip(frames, cube, strict=True):
        assert np.corrcoef(shown.ravel(), original.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(("htj2k", "suffix"), [(False, ".jp2"), (True, ".jph")])
def test_jpeg_2000_frames_open_by_themselves(tmp_path, htj2k, suffix):
    """One file a date, each whole, with the samples of its planes."""
    imagecodecs = pytest.importorskip("imagecodecs")
    payload = Jpeg2kCodec(lossless=True, htj2k=htj2k, axes="tyx").encode(moving())
    done = extract_stream(payload, tmp_path / "frames")
    assert [file.name for file in done.files] == [f"{i:05}{suffix}" for i in range(7)]
    picture = imagecodecs.jpeg2k_decode(done.files[3].read_bytes())
    assert picture.shape == (40, 48)


def test_what_cannot_be_extracted_says_why(tmp_path):
    """No pictures, a wrong ending, damaged bytes."""
    constant = VideoCodec().encode(np.ones((3, 8, 8), "f4"))
    with pytest.raises(VideoCodecError, match="no pictures"):
        extract_stream(constant, tmp_path / "a.mkv")
    payload = VideoCodec("hevc", qp=30, effort=1).encode(moving())
    with pytest.raises(VideoCodecError, match=r"ends in \.mkv"):
        extract_stream(payload, tmp_path / "a.mp4")
    with pytest.raises(VideoCodecError, match="name a directory"):
        extract_stream(Jpeg2kCodec().encode(moving()), tmp_path / "a.mkv")
    with pytest.raises(DecodeError):
        extract_stream(payload[:-1] + bytes([payload[-1] ^ 1]), tmp_path / "a.mkv")


@pytest.mark.parametrize(
    ("bands", "suffix", "codec"),
    [
        ((2, 1, 0), ".webm", "vp9"),
        ((3,), ".mp4", "h264"),
        (None, ".mp4", "h264"),
        pytest.param((2, 1, 0), ".mp4", "h264", marks=pytest.mark.slow),
        pytest.param((3,), ".webm", "vp9", marks=pytest.mark.slow),
        pytest.param(None, ".webm", "vp9", marks=pytest.mark.slow),
    ],
)
def test_a_preview_is_an_ordinary_film(tmp_path, suffix, codec, bands):
    """Eight bits, 4:2:0, even sides, a frame a date; bright where the data are bright."""
    pytest.importorskip("matplotlib")
    from numcodecs_video.export.film import write_preview

    cube = np.stack([moving(5, 33, 41)] * 4, axis=1).astype("f4")
    cube[:, :, :16] += 400
    cube[2, :, 20:] = np.nan
    file = tmp_path / f"a{suffix}"
    frames, height, width = write_preview(cube, file, bands=bands)
    assert height % 2 == width % 2 == frames - 5 == 0
    with av.open(file) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == (codec, "yuv420p") or (
            stream.codec_context.name.endswith(codec)
        )
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]
    assert len(pictures) == 5
    assert pictures[0].shape == (height, width, 3)
    assert pictures[0][20:100].mean() > pictures[0][-200:-60].mean() + 40
    np.testing.assert_allclose(pictures[2][-120:-60, 100:300], 153, atol=12)  # grey: missing


@pytest.mark.parametrize(
    ("name", "bands", "message"),
    [("a.avi", None, "must end in"), ("a.mp4", (0, 1), "one or three"), ("a.mp4", (9,), "0 to 0")],
)
def test_previews_that_cannot_be_are_refused(tmp_path, name, bands, message):
    """With what would be possible."""
    pytest.importorskip("matplotlib")
    from numcodecs_video.export.film import write_preview

    with pytest.raises(VideoCodecError, match=message):
        write_preview(moving()[:, None], tmp_path / name, bands=bands)


def test_the_command_extracts_and_previews(tmp_path):
    """From a store by variable and chunk, and from the file of a chunk."""
    pytest.importorskip("matplotlib")
    xr = pytest.importorskip("xarray")
    testing = pytest.importorskip("click.testing")
    from numcodecs_video.cli.commands import commands
    from numcodecs_video.xarray import to_zarr

    def run(*arguments: object) -> str:
        result = testing.CliRunner().invoke(commands, ["extract", *map(str, arguments)])
        assert result.exit_code == 0, result.output
        return result.output

    values = np.stack([moving()] * 3, axis=1)
    ds = xr.Dataset({"v": (("time", "band", "y", "x"), values)})
    ds["time"] = xr.date_range("2020-01-01", periods=7, use_cftime=False)
    store = tmp_path / "a.zarr"
    to_zarr(ds, store, codec="hevc", psnr={"v": 40}, effort=1, chunks={"y": 20})
    report = json.loads(run(store, tmp_path / "a.mkv", "--chunk", "0.0.1.0", "--json"))
    assert (report["frames"], report["coder"]) == (7, "hevc")
    run(store / "v/c/0/0/1/0", tmp_path / "b.mkv")
    assert (tmp_path / "a.mkv").read_bytes()[-500:] == (tmp_path / "b.mkv").read_bytes()[-500:]
    shutil.make_archive(str(tmp_path / "a"), "zip", store)
    run(tmp_path / "a.zip", tmp_path / "c.mkv", "--chunk", "0.0.1.0")
    assert (tmp_path / "c.mkv").stat().st_size == (tmp_path / "a.mkv").stat().st_size
    said = run(store, tmp_path / "a.mp4", "--preview", "--bands", "2,1,0", "--chunk", "0/0/1/0")
    assert "7 frames" in said
    run(store / "v/c/0/0/0/0", tmp_path / "a.webm", "--preview")
    for arguments, message in [
        ((store, tmp_path / "d.mkv", "--chunk", "0.0.9.0"), "its grid is 1×1×2×1"),
        ((store, tmp_path / "d.mkv", "--var", "w"), "those that do: v"),
        ((store, tmp_path / "c.mp4", "--preview", "--chunk", "3"), "its grid is"),
        ((store, tmp_path / "c.mp4", "--preview", "--var", "w"), "its cubes: v"),
        ((store / "v/c/0/0/0/0", tmp_path / "c.mp4", "--bands", "B04"), "give positions of 0 to 2"),
    ]:
        result = testing.CliRunner().invoke(commands, ["extract", *map(str, arguments)])
        assert result.exit_code == 1
        assert message in result.output


def test_what_exists_is_replaced_on_request_alone(tmp_path):
    """A film, a stream and a directory of pictures; progress of a film reaches its end."""
    pytest.importorskip("matplotlib")
    testing = pytest.importorskip("click.testing")
    from numcodecs_video.cli.commands import commands
    from numcodecs_video.export.film import write_preview

    (tmp_path / "video").write_bytes(VideoCodec("hevc", qp=30, effort=1).encode(moving()))
    (tmp_path / "pictures").write_bytes(Jpeg2kCodec().encode(moving()))
    (tmp_path / "frames").mkdir()
    for source, name in [("video", "a.mkv"), ("video", "a.mp4"), ("pictures", "frames")]:
        target = tmp_path / name
        kept = target / "00003.jp2" if name == "frames" else target
        kept.write_text("before")
        arguments = ["extract", str(tmp_path / source), str(target)]
        arguments += ["--preview"] if name == "a.mp4" else []
        result = testing.CliRunner().invoke(commands, arguments)
        assert result.exit_code == 1
        assert f"{target} exists: name another, or add --overwrite" in result.output
        assert kept.read_text() == "before"
        result = testing.CliRunner().invoke(commands, [*arguments, "--overwrite"])
        assert result.exit_code == 0, result.output
        assert kept.stat().st_size > 100
    sizes: list[int] = []
    cube = moving()[:, None]
    write_preview(cube, tmp_path / "b.mp4", advance=sizes.append)
    assert sizes == [cube[0].nbytes] * len(cube)


@pytest.mark.slow
def test_films_know_names_and_dates(tmp_path, monkeypatch):
    """Of bands, or of variables; from any store, told by the ending; interrupted, none is left."""
    pytest.importorskip("matplotlib")
    xr = pytest.importorskip("xarray")
    testing = pytest.importorskip("click.testing")
    from numcodecs_video.cli.commands import commands
    from numcodecs_video.export import film

    made: list[dict] = []
    write = film.write_preview

    def remembered(cube, target, **settings):
        made.append({"cube": cube, **settings})
        return write(cube, target, **settings)

    monkeypatch.setattr(film, "write_preview", remembered)

    def run(*arguments: object, code: int = 0) -> str:
        result = testing.CliRunner().invoke(commands, ["extract", *map(str, arguments)])
        assert result.exit_code == code, result.output
        return result.output

    values = np.stack([moving(3) + n for n in range(4)], axis=1)
    bands = ["B02", "B03", "B04", "B08"]
    ds = xr.Dataset({"v": (("time", "band", "y", "x"), values, {"units": "K"})}, {"band": bands})
    ds["time"] = xr.date_range("2020-01-01T06:00", periods=3, freq="6h", use_cftime=False)
    ds["y"] = np.arange(40.0)
    values = values[:, :, ::-1]  # a film has the north above
    for n, band in enumerate(bands):
        ds[f"r{band}"] = ds.v[:, n].drop_vars("band")
    ds.to_zarr(tmp_path / "a.zarr", encoding={"v": {"chunks": (3, 2, 40, 48)}})
    run(tmp_path / "a.zarr", tmp_path / "a.mp4")
    run(tmp_path / "a.zarr", tmp_path / "b.mp4", "--bands", "B04,B03,B02", "--limits", "0", "255")
    run(tmp_path / "a.zarr", tmp_path / "c.mp4", "--bands", "rB04,rB03,rB02")
    run(tmp_path / "a.zarr", tmp_path / "d.webm", "--bands", "B08", "--fps", "9")
    run(tmp_path / "a.zarr", tmp_path / "f.mp4", "--var", "v", "--chunk", "0.1.0.0")
    np.testing.assert_array_equal(made.pop()["cube"], values[:, [2]])
    for film_made in made[:3]:
        np.testing.assert_array_equal(film_made["cube"], values[:, [2, 1, 0]])
    np.testing.assert_array_equal(made[3]["cube"], values[:, [3]])
    assert made[0]["captions"] == ["2020-01-01 06:00", "2020-01-01 12:00", "2020-01-01 18:00"]
    assert (made[1]["limits"], made[3]["frame_rate"], made[3]["units"]) == ((0, 255), 9, "K")
    said = run(tmp_path / "a.zarr", tmp_path / "e.mp4", "--bands", "B04,B03,B01", code=1)
    assert "no cube with bands B04, B03, B01, nor cubes of these names" in said
    said = run(tmp_path / "a.zarr", tmp_path / "none" / "e.mp4", code=1)
    assert "there is no directory" in said
    said = run(tmp_path / "a.zarr", tmp_path / "e.mkv", "--preview", code=1)
    assert "e.mkv must end in .mp4 or .webm" in said

    def interrupted(pictures, target, **settings):
        from numcodecs_video.export.complete import complete_file

        with complete_file(target) as file:
            file.write_bytes(b"a part")
            raise KeyboardInterrupt

    monkeypatch.setattr(film, "write_film", interrupted)
    assert "e.mp4 was not written" in run(tmp_path / "a.zarr", tmp_path / "e.mp4", code=130)
    assert not (tmp_path / "e.mp4").exists()
