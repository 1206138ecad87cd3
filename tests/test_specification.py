"""The schemas for zarr-extensions hold every word that a codec's metadata may have."""

import json
import pathlib

import pytest

from numcodecs_video import Jpeg2kCodec, VideoCodec

SPECIFICATION = pathlib.Path(__file__).parent.parent / "spec"


@pytest.mark.parametrize("codec", [VideoCodec(), Jpeg2kCodec()], ids=lambda c: c.codec_id)
def test_schema_holds_the_words_of_the_settings(codec):
    """A setting that is added is added to the schema, too."""
    schema = json.loads((SPECIFICATION / codec.codec_id / "schema.json").read_text())
    assert schema["properties"]["name"] == {"const": codec.codec_id}
    words = schema["properties"]["configuration"]["properties"]
    assert set(words) == set(codec.settings_type.WORDS)
    assert set(codec.serializer().to_dict()["configuration"]) <= set(words)
