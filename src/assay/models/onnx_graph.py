"""ONNX graphs written node by node: a linear model, and boosted trees whose decisions are exact on float32 inputs.

A split's threshold is a double. Rounded to the nearest float32, as converters do, it can pass an input that it should
stop; rounded down, it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.models.linear import LinearScorer
    from assay.models.trees import TreeScorer

INPUT, OUTPUT = "rows", "score"
OPSETS = {"": 17, "ai.onnx.ml": 3}
"""Versions of the operator sets: old enough for every runtime of the last years, new enough for what is used."""


def linear_graph(scorer: LinearScorer) -> bytes:
    """Write a linear model in float64, mean and scale folded into the weights.

    Returns:
        The serialised graph: `rows` (n, n_features) float32 in, `score` (n, 1) out.
    """
    from onnx import TensorProto, helper

    expansion = scorer.expansion
    weight = scorer.coefficient / expansion.scale
    constants = {
        "column": expansion.column,
        "code": expansion.code,
        "fill": expansion.fill,
        "is_mark": expansion.marks_missing > 0,
        "is_number": np.isnan(expansion.code) & (expansion.marks_missing == 0),
        "weight": weight.reshape(-1, 1),
        "bias": np.array([scorer.intercept - expansion.mean @ weight]),
    }
    double = TensorProto.DOUBLE
    nodes = [
        helper.make_node("Cast", [INPUT], ["doubles"], to=double),
        helper.make_node("Gather", ["doubles", "column"], ["values"], axis=1),
        helper.make_node("IsNaN", ["values"], ["is_missing"]),
        helper.make_node("Where", ["is_missing", "fill", "values"], ["numbers"]),
        helper.make_node("Equal", ["values", "code"], ["has_code"]),
        helper.make_node("And", ["is_missing", "is_mark"], ["missing_marks"]),
        helper.make_node("Or", ["has_code", "missing_marks"], ["marks"]),
        helper.make_node("Cast", ["marks"], ["indicators"], to=double),
        helper.make_node("Where", ["is_number", "numbers", "indicators"], ["columns"]),
        helper.make_node("MatMul", ["columns", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["margin"]),
    ]
    return _serialise(nodes, constants, scorer.n_features, is_probability=scorer.task == "classification", kind=double)


def tree_graph(scorer: TreeScorer) -> bytes:
    """Write boosted trees as one TreeEnsembleRegressor, with a logistic function behind it for classification.

    Raises:
        UsageError: The trees use what this graph does not express (averaging, zero as missing, another link).
    """
    from onnx import TensorProto, helper

    dump = scorer.dump()
    objective = str(dump.get("objective", ""))
    if dump["num_tree_per_iteration"] != 1 or dump.get("average_output") or "sqrt" in objective:
        raise UsageError(f"a LightGBM model with objective {objective!r} has no ONNX form here; it is scored natively.")
    table = _NodeTable()
    for tree, info in enumerate(dump["tree_info"]):
        table.add_tree(tree, info["tree_structure"])
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        ["margin"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        **table.attributes(),
    )
    is_probability = objective.startswith("binary")
    return _serialise([ensemble], {}, scorer.n_features, is_probability=is_probability, kind=TensorProto.FLOAT)


class _NodeTable:
    """The parallel arrays of a TreeEnsembleRegressor, filled tree by tree."""

    def __init__(self) -> None:
        self._nodes: list[dict[str, Any]] = []
        self._leaves: list[tuple[int, int, float]] = []

    def add_tree(self, tree: int, root: dict[str, Any]) -> None:
        numbers: Iterator[int] = iter(range(1 << 30))
        self._add(tree, root, next(numbers), numbers)

    def _add(self, tree: int, node: dict[str, Any], number: int, numbers: Iterator[int]) -> None:
        if "split_feature" not in node:
            self._leaves.append((tree, number, float(node["leaf_value"])))
            self._row(tree, number, mode="LEAF")
            return
        left, right = next(numbers), next(numbers)
        if node["decision_type"] == "==":
            self._membership(tree, number, node, left=left, right=right, numbers=numbers)
        else:
            self._threshold(tree, number, node, left=left, right=right)
        self._add(tree, node["left_child"], left, numbers)
        self._add(tree, node["right_child"], right, numbers)

    def _threshold(self, tree: int, number: int, node: dict[str, Any], *, left: int, right: int) -> None:
        if node["missing_type"] == "Zero":
            raise UsageError("trees that take zero as missing have no ONNX form here; the model is scored natively.")
        threshold = float(node["threshold"])
        # LightGBM reads nan as 0 where training saw no nan in the column
        nan_goes_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0
        self._row(
            tree, number, mode="BRANCH_LEQ", feature=node["split_feature"], value=_float32_below(threshold),
            left=left, right=right, nan_goes_left=int(nan_goes_left),
        )  # fmt: skip

    def _membership(
        self, tree: int, number: int, node: dict[str, Any], *, left: int, right: int, numbers: Iterator[int]
    ) -> None:
        """A set of categories as a chain of equalities whose true branches meet in one child."""
        codes = [float(code) for code in str(node["threshold"]).split("||")]
        chain = [number, *(next(numbers) for _ in codes[1:])]
        for position, (link, code) in enumerate(zip(chain, codes, strict=True)):
            after = chain[position + 1] if position + 1 < len(chain) else right
            self._row(tree, link, mode="BRANCH_EQ", feature=node["split_feature"], value=code, left=left, right=after)

    def _row(
        self, tree: int, number: int, *, mode: str, feature: int = 0, value: float = 0.0, left: int = 0, right: int = 0,
        nan_goes_left: int = 0,
    ) -> None:  # fmt: skip
        self._nodes.append(
            {
                "nodes_treeids": tree,
                "nodes_nodeids": number,
                "nodes_modes": mode,
                "nodes_featureids": feature,
                "nodes_values": value,
                "nodes_truenodeids": left,
                "nodes_falsenodeids": right,
                "nodes_missing_value_tracks_true": nan_goes_left,
            }
        )

    def attributes(self) -> dict[str, Any]:
        ordered = sorted(self._nodes, key=lambda node: (node["nodes_treeids"], node["nodes_nodeids"]))
        columns = {name: [node[name] for node in ordered] for name in ordered[0]}
        return columns | {
            "target_treeids": [tree for tree, _, _ in self._leaves],
            "target_nodeids": [number for _, number, _ in self._leaves],
            "target_ids": [0] * len(self._leaves),
            "target_weights": [weight for _, _, weight in self._leaves],
        }


def _float32_below(threshold: float) -> float:
    """The largest float32 that is not above `threshold`: for float32 x, x <= it exactly when x <= threshold."""
    with np.errstate(over="ignore"):
        rounded = np.float32(threshold)
    is_above = float(rounded) > threshold  # as doubles: NumPy would compare a float32 with a float as float32
    return float(np.nextafter(rounded, np.float32(-np.inf)) if is_above else rounded)


def _serialise(
    nodes: list[Any], constants: dict[str, Any], n_features: int, *, is_probability: bool, kind: int
) -> bytes:
    from onnx import TensorProto, checker, helper, numpy_helper

    last = "Sigmoid" if is_probability else "Identity"
    graph = helper.make_graph(
        [*nodes, helper.make_node(last, ["margin"], [OUTPUT])],
        "assay",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", n_features])],
        [helper.make_tensor_value_info(OUTPUT, kind, ["n", 1])],
        initializer=[numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="assay", ir_version=8)
    checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
