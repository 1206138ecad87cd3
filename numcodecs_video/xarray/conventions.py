"""What CF says of a variable: how it is packed, what marks a missing cell, what may lose digits.

Knows attributes and encodings; nothing of dimensions, chunks or codecs.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from numcodecs_video.errors import VideoCodecError
from numcodecs_video.xarray.internals import encode_cf_variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from numcodecs_video.metrics import Nodata

__all__ = [
    "CF_ENCODING",
    "as_unsigned",
    "hides_unsigned",
    "is_category",
    "is_flag",
    "is_measurement",
    "kept_encoding",
    "may_lose",
    "nodata_of",
    "packing",
    "scale_in",
    "seems_category",
    "show_units",
    "stored_dtype",
    "stored_values",
    "units_of",
    "with_numbers",
]

# xarray drops a variable's own encoding as soon as another is passed for it, so this much of it is
# passed on.
CF_ENCODING = (
    "dtype", "_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned", "units",
    "calendar", "bounds", "grid_mapping", "cell_measures", "formula_terms",
)  # fmt: skip
NUMBERS = ("_FillValue", "missing_value", "scale_factor", "add_offset")
FLAGS = ("flag_values", "flag_masks", "flag_meanings")
FLAG_NAMES = ("status_flag", "quality_flag")
CLASS_WORDS = frozenset((
    "category", "categories", "class", "classes", "classification", "flag", "flags", "label",
    "labels", "landcover", "mask", "masks", "qa", "quality", "scl",
))  # fmt: skip
SENTINELS = ("_FillValue", "missing_value", "nodata")
# What xarray decodes as a duration; dates say "days since ...".
DURATIONS = frozenset(
    ("days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds")
)
LONGEST_UNITS = 12  # beside a number; some data keep remarks there
NO_SENTINEL = frozenset(("", "none", "null", "n/a", "na", "nan"))


def is_measurement(variable: xr.DataArray) -> bool:
    """Tell real numbers, which may lose digits, from counts, categories, flags and times.

    Raises
    ------
    VideoCodecError
        If ``scale_factor`` or ``add_offset`` cannot be read.
    """
    if is_category(variable):
        return False
    scale, offset = (packing(variable, key) for key in ("scale_factor", "add_offset"))
    # A scale of one without an offset is no packing: rasterio writes it on classes, too.
    return stored_dtype(variable).kind == "f" or (
        scale is not None and (scale, offset or 0.0) != (1.0, 0.0)
    )


def is_category(variable: xr.DataArray) -> bool:
    """Tell classes, flags, masks and times, which a bound would make others of their kind."""
    return is_flag(variable) or _is_boolean(variable) or _is_time(variable)


def _is_time(variable: xr.DataArray) -> bool:
    """Tell dates and durations, whichever number of units they are stored as."""
    units = str(_stated(variable, "units") or "")
    return variable.dtype.kind in "mMO" or " since " in units or units in DURATIONS


def is_flag(variable: xr.DataArray) -> bool:
    """Tell classes and flags, by the attributes that CF has for them."""
    name = str(variable.attrs.get("standard_name", ""))
    return any(key in variable.attrs for key in FLAGS) or name.endswith(FLAG_NAMES)


def seems_category(variable: xr.DataArray) -> bool:
    """Tell categories, also integers that bear no attributes, but the name of some.

    Good enough to give no advice by; what they lose is not decided here.
    """
    if is_category(variable):
        return True
    said = f"{variable.name} {variable.attrs.get('long_name', '')}".lower()
    counts = stored_dtype(variable).kind in "iu" and not is_measurement(variable)
    return counts and not CLASS_WORDS.isdisjoint(re.split(r"[^a-z]+", said))


def may_lose(kind: str, value: float, dtype: np.dtype[Any]) -> bool:
    """Tell whether values of a stored dtype can lose anything under a promise.

    Parameters
    ----------
    kind : str
        A word of the codec, such as ``"max_error"``.
    value : float
        In stored units.
    dtype : numpy.dtype
    """
    if kind == "lossless" or dtype.kind in "bmM":
        return False
    exact = kind == "max_relative_error" or (kind == "max_error" and value < 1)
    return not (exact and dtype.kind in "iu")


def units_of(variable: xr.DataArray, *, longest: int = LONGEST_UNITS) -> str:
    """Return the units that a reader sees, where there are some that can be written.

    A remark in brackets is none of them, nor is a bare 1, nor a sentence.

    Parameters
    ----------
    variable : xarray.DataArray
    longest : int
        Characters that there is room for.

    Examples
    --------
    >>> import xarray as xr
    >>> [units_of(xr.DataArray(0, attrs={"units": u})) for u in ("mm/h (-3 = none)", "1", "K")]
    ['mm/h', '', 'K']
    """
    return _short(_stated(variable, "units"), longest)


def show_units(units: object) -> str:
    """Write units after a space, where there are some.

    Examples
    --------
    >>> show_units("K"), show_units("1"), show_units("as in table 3 of the report")
    (' K', '', '')
    """
    text = _short(units, LONGEST_UNITS)
    return f" {text}" if text else ""


def _short(units: object, longest: int) -> str:
    text = "" if units is None else str(units).partition(" (")[0].strip()
    return text if text != "1" and len(text) <= longest else ""


def packing(variable: xr.DataArray, key: str) -> float | None:
    """Read ``scale_factor`` or ``add_offset``, from wherever xarray has put it.

    Raises
    ------
    VideoCodecError
        If it is no finite number, or a scale of zero.
    """
    return _packing_in({**variable.attrs, **variable.encoding}, key, f"{key} of {variable.name!r}")


def scale_in(attributes: Mapping[str, Any]) -> float:
    """Return how many units that a reader sees are one stored unit; 1 where no reader can tell."""
    try:
        return abs(_packing_in(attributes, "scale_factor", "scale_factor") or 1.0)
    except VideoCodecError:
        return 1.0


def stored_dtype(variable: xr.DataArray) -> np.dtype[Any]:
    """Return the dtype that the codec will see, which packing makes another than the values'."""
    try:
        dtype: np.dtype[Any] = np.dtype(variable.encoding.get("dtype", variable.dtype))
    except TypeError:  # a pandas extension type, such as a categorical
        return np.dtype(object)
    return dtype


def nodata_of(variable: xr.DataArray) -> Nodata:
    """Collect the sentinels of a variable that its stored dtype can hold, as the codec takes them.

    All that ``_FillValue``, ``missing_value`` and ``nodata`` name, the first of them first.

    Returns
    -------
    number, tuple of number, or None
        One sentinel by itself; NaN and infinities are missing in any case and left out.

    Raises
    ------
    VideoCodecError
        If an attribute holds what is no number.
    """
    dtype, unsigned = stored_dtype(variable), hides_unsigned(variable)
    found: list[float | int] = []
    for key in SENTINELS:
        for value in _values(_stated(variable, key), f"{key} of {variable.name!r}"):
            held = _as_stored(value, dtype, unsigned=unsigned)
            if held is not None and held not in found:
                found.append(held)
    return tuple(found) if len(found) > 1 else next(iter(found), None)


def hides_unsigned(variable: xr.DataArray) -> bool:
    """Tell whether signed integers stand for unsigned ones, by the attribute ``_Unsigned``."""
    stated = str(_stated(variable, "_Unsigned")).lower()
    return stated == "true" and stored_dtype(variable).kind == "i"


def as_unsigned(variable: xr.DataArray) -> xr.DataArray:
    """Let a decoded variable be stored in unsigned integers themselves, where it hides them.

    NetCDF 3 has none; Zarr has, and among signed ones the neighbour of 255 is 0, not 254.
    """
    if "_Unsigned" not in variable.encoding or not hides_unsigned(variable):
        return variable
    signed = stored_dtype(variable)
    dtype = np.dtype(f"u{signed.itemsize}").newbyteorder(signed.byteorder)
    encoding = {key: value for key, value in variable.encoding.items() if key != "_Unsigned"}
    for key in ("_FillValue", "missing_value"):
        if encoding.get(key) is not None:
            encoding[key] = np.asarray(encoding[key]).astype(signed).view(dtype)[()]
    result = variable.copy(deep=False)
    result.encoding = {**encoding, "dtype": dtype}
    return result


def kept_encoding(variable: xr.DataArray) -> dict[str, Any]:
    """Pass on what xarray must still know when another encoding is given."""
    kept = {key: variable.encoding[key] for key in CF_ENCODING if key in variable.encoding}
    if variable.dtype.kind == "m" and stored_dtype(variable).kind != "f":
        # xarray 2025.6 refuses the units of durations, later ones a dtype without them; left alone,
        # they choose exact ones.
        kept = {key: value for key, value in kept.items() if key not in ("dtype", "units")}
    if "missing_value" in variable.attrs and "_FillValue" not in variable.attrs:
        kept.setdefault("_FillValue", None)  # as it is: xarray would put NaN beside it
    return _with_one_missing_value(kept, stored_dtype(variable))


def _with_one_missing_value(encoding: Mapping[Any, Any], dtype: np.dtype[Any]) -> dict[Any, Any]:
    """Let an encoding name one missing value: the fill value, or the first that there is.

    A decoded variable has one, NaN, whatever it had as stored; xarray cannot write it as several.
    Beside a missing value of floats xarray puts NaN as the fill value, and later writes what it
    reads of the two no more.
    """
    kept = with_numbers(encoding)
    several = "_FillValue" in kept or np.size(kept.get("missing_value", 0)) > 1 or dtype.kind == "f"
    if "missing_value" in kept and several:
        first = np.ravel(kept.pop("missing_value"))[0]
        if kept.get("_FillValue") is None:
            kept["_FillValue"] = first
    return kept


def with_numbers(encoding: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return an encoding whose numbers are such, as far as they can be read."""
    return {key: _alone(value) if key in NUMBERS else value for key, value in encoding.items()}


def _alone(value: Any) -> Any:
    """Take a number out of a list or array of one, or out of text; xarray encodes by no other."""
    if isinstance(value, (list, tuple, np.ndarray)) and np.size(value) == 1:
        value = np.ravel(value)[0]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _stated(variable: xr.DataArray, key: str) -> Any:
    return variable.encoding.get(key, variable.attrs.get(key))


def _is_boolean(variable: xr.DataArray) -> bool:
    # xarray stores booleans as int8, and says so in an attribute of its own.
    stored = variable.attrs.get("dtype")
    return "b" in (variable.dtype.kind, stored_dtype(variable).kind) or stored == "bool"


def _packing_in(attributes: Mapping[str, Any], key: str, name: str) -> float | None:
    """Read one finite number, whether by itself, in a list, or as text."""
    value = attributes.get(key)
    if value is None:
        return None
    numbers = _values(value, name)
    number = float(numbers[0]) if len(numbers) == 1 else math.nan
    if not math.isfinite(number) or (key == "scale_factor" and number == 0.0):
        raise VideoCodecError(
            f"{name} must be one finite number{' but zero' if key == 'scale_factor' else ''}, got "
            f"{value!r}: correct or remove the attribute"
        )
    return number


def _values(value: Any, name: str) -> list[float | int]:
    """Read numbers out of one, several, or text; integers stay exact.

    Raises
    ------
    VideoCodecError
        If there is anything else.
    """
    if value is None:
        return []
    try:
        return [n for item in np.ravel(np.asarray(value)).tolist() for n in _numbers_in(item)]
    except (TypeError, ValueError) as error:
        raise VideoCodecError(
            f"{name} must be a number, got {value!r}: correct or remove the attribute"
        ) from error


def _numbers_in(item: Any) -> list[float | int]:
    """Read the number that one item is, or the numbers that a text lists."""
    text = item.decode() if isinstance(item, bytes) else item
    if not isinstance(text, str):
        return [item if isinstance(item, int) else float(item)]
    words = text.replace(",", " ").split() if text.strip().lower() not in NO_SENTINEL else []
    return [int(word) if word.lstrip("+-").isdigit() else float(word) for word in words]


def _as_stored(
    value: float | int, dtype: np.dtype[Any], *, unsigned: bool = False
) -> float | int | None:
    """Return a sentinel as the stored values hold it; None where they cannot."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            sentinel = float(dtype.type(value))  # 1e20 is another number in float32
        return sentinel if math.isfinite(sentinel) else None
    if dtype.kind not in "iu" or not math.isfinite(value) or value != int(value):
        return None
    limits, number = np.iinfo(dtype), int(value)
    if unsigned and limits.max < number <= 2 * limits.max + 1:
        number -= 2 * (limits.max + 1)  # 255 in unsigned bytes that are stored as signed ones
    return number if limits.min <= number <= limits.max else None


def stored_values(block: xr.DataArray) -> NDArray[Any]:
    """Return values as xarray would hand them to Zarr: packed, sentinels in place."""
    variable = block.variable.copy(deep=False)
    variable.encoding = _with_one_missing_value(variable.encoding, stored_dtype(block))
    return np.asarray(encode_cf_variable(variable, name=block.name).values)
