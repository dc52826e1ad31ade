"""Leakage checks: each looks for one way in which the answer reaches a model before its time, and returns evidence."""

from assay.data.leakage.fitted import check_fitted_on_train
from assay.data.leakage.generation import check_generation
from assay.data.leakage.groups import check_groups
from assay.data.leakage.inputs import check_inputs
from assay.data.leakage.lineage import check_lineage
from assay.data.leakage.model_score import check_model_score
from assay.data.leakage.order import check_order
from assay.data.leakage.parts import check_duplicates, check_split
from assay.data.leakage.row_independence import check_row_independence
from assay.data.leakage.target_derived import check_target_derived
from assay.data.leakage.target_encoding import check_target_encoding
from assay.data.leakage.time_travel import check_time_travel

__all__ = [
    "check_duplicates",
    "check_fitted_on_train",
    "check_generation",
    "check_groups",
    "check_inputs",
    "check_lineage",
    "check_model_score",
    "check_order",
    "check_row_independence",
    "check_split",
    "check_target_derived",
    "check_target_encoding",
    "check_time_travel",
]
