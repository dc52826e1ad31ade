"""Named arrays as one file in the safetensors format: a JSON header with shapes and offsets, then raw numbers.

The format runs no code when it is read. Only little-endian float32, and bytes, are written and accepted here.

Source:
    https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.errors import IntegrityError

_ALIGNMENT = 8
_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "U8": np.dtype("u1")}


def write_tensors(tensors: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Write arrays, in the order of their names; equal arrays give equal bytes."""
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    end = 0
    for name in sorted(tensors):
        kind = "U8" if tensors[name].dtype == np.uint8 else "F32"
        data = np.asarray(tensors[name], dtype=_TYPES[kind], order="C")
        header[name] = {"dtype": kind, "shape": list(data.shape), "data_offsets": [end, end + data.nbytes]}
        parts.append(data.tobytes())
        end += data.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def read_tensors(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """Read what `write_tensors` wrote; the arrays are copies of their own.

    Raises:
        IntegrityError: The bytes are no such file, or hold another type of number.
    """
    try:
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        return {name: _tensor(data[start:], one) for name, one in header.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"the model's tensors cannot be read ({error}). Fetch the model again, or train it anew."
        ) from error


def _tensor(data: bytes, described: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    dtype = _TYPES.get(described["dtype"])
    if dtype is None:
        raise ValueError(f"numbers of type {described['dtype']}, not one of {', '.join(_TYPES)}")
    begin, end = described["data_offsets"]
    shape = tuple(described["shape"])
    if not 0 <= begin <= end <= len(data) or end - begin != dtype.itemsize * math.prod(shape):
        raise ValueError(f"{end - begin} bytes of {len(data)} for shape {shape}")
    array: np.ndarray[Any, Any] = (
        np.frombuffer(data[begin:end], dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="))
    )
    return array
