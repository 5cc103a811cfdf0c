"""Arguments as the library takes them: whole numbers, finite numbers, JSON. What is none is a TypeError or
a ValueError that names the argument."""

from __future__ import annotations

import difflib
import json
import math
import numbers
import operator

import numpy as np

DECODE_OPTIONS = (
    "max_image_pixels",
    "max_jpeg_scans",
    "exif_orientation",
    "alpha",
    "background",
    "truncated",
    "fast_scale",
    "max_png_text_bytes",
    "max_png_texts_bytes",
    "jpeg_decoder",
    "color_mode",
)


def integer(name: str, value) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} = {value!r}: must be an integer") from None


def real(name: str, value) -> float:
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name} = {value!r}: must be a number")
    if not math.isfinite(value):
        raise ValueError(f"{name} = {value}: must be finite")
    return float(value)


def text(name: str, value) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} = {value!r}: must be a string")
    return str(value)


def integers(name: str, values, form: str) -> list[int]:
    """As many as `form` names: "(height, width)" are two."""
    return [integer(name, value) for value in listed(name, values, form)]


def reals(name: str, values, form: str) -> list[float]:
    return [real(name, value) for value in listed(name, values, form)]


def integer_or_integers(name: str, value, form: str) -> int | list[int]:
    try:
        return operator.index(value)
    except TypeError:
        return integers(name, value, f"an integer or {form}")


def real_or_reals(name: str, value, form: str) -> float | list[float]:
    if isinstance(value, numbers.Real):
        return real(name, value)
    return reals(name, value, f"a number or {form}")


def listed(name: str, values, form: str) -> list:
    try:
        found = list(values)
    except TypeError:
        found = None
    if found is None or isinstance(values, (str, bytes)):
        raise TypeError(f"{name} = {values!r}: must be {form}")
    if len(found) != form.count(",") + 1:
        raise ValueError(f"{name} = {values!r}: must be {form}")
    return found


def decode_options(function: str, options: dict) -> dict:
    """The options of decoding among the keyword arguments of `function`, which takes no others."""
    for name in options:
        if name not in DECODE_OPTIONS:
            near = difflib.get_close_matches(name, DECODE_OPTIONS, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise TypeError(f"{function}() got an unexpected keyword argument '{name}'{hint}")
    return options


def call_text(made, *arguments, **keywords) -> str:
    """The call that makes `made`, of these arguments."""
    texts = [repr(value) for value in arguments]
    texts += [f"{name}={value!r}" for name, value in keywords.items()]
    return f"{type(made).__name__}({', '.join(texts)})"


def to_json(description, place: str = "") -> str:
    """`place` is what messages call it; empty: by its members' names."""
    try:
        return json.dumps(description, allow_nan=False, default=_plain)
    except (TypeError, ValueError):
        _refuse(description, place)
        raise


def _plain(value):
    """What JSON has for a number or an array of numpy, or for another number."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"{value!r} is no JSON")


def _refuse(value, place: str) -> None:
    """Raises for the first value within that JSON has nothing for."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, dict):
        for key, member in value.items():
            _refuse(member, f"{place}.{key}" if place else str(key))
    elif isinstance(value, (list, tuple)):
        for i, member in enumerate(value):
            _refuse(member, f"{place}[{i}]")
    elif isinstance(value, numbers.Real):
        real(place, value)
    elif value is not None and not isinstance(value, str):
        raise TypeError(f"{place} = {value!r}: must be a number, a string, a list or a dict")
