"""Named float32 arrays as one file in the safetensors format: a JSON header with shapes and offsets, then raw numbers.

The format runs no code when it is read. Only little-endian float32 is written and accepted here.

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


def write_tensors(tensors: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Write arrays, in the order of their names; equal arrays give equal bytes."""
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    end = 0
    for name in sorted(tensors):
        data = np.asarray(tensors[name], dtype="<f4", order="C")
        header[name] = {"dtype": "F32", "shape": list(data.shape), "data_offsets": [end, end + data.nbytes]}
        parts.append(data.tobytes())
        end += data.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def read_tensors(data: bytes) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
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


def _tensor(data: bytes, described: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    if described["dtype"] != "F32":
        raise ValueError(f"numbers of type {described['dtype']}, not F32")
    begin, end = described["data_offsets"]
    shape = tuple(described["shape"])
    if not 0 <= begin <= end <= len(data) or end - begin != 4 * math.prod(shape):
        raise ValueError(f"{end - begin} bytes of {len(data)} for shape {shape}")
    return np.frombuffer(data[begin:end], dtype="<f4").reshape(shape).astype(np.float32)
