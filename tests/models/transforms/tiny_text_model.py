"""A sentence model small enough to check by hand: each token's vector is one row of a table that is given."""

import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

WORDS = ["[UNK]", "good", "bad", "phone", "bill"]
VECTORS = np.array([[0, 0, 0.1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 0.8, 0.6]], dtype=np.float32)


def write_tiny_model(folder: Path) -> Path:
    """Write `model.onnx` and `tokenizer.json`; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = ["n", "length"]
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"], axis=0)],
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, 3])],
        initializer=[numpy_helper.from_array(VECTORS, "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: place for place, word in enumerate(WORDS)},
            "unk_token": "[UNK]",
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return folder
