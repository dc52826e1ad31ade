"""Fitted transforms (FE-1, FE-2, FE-4, FE-5): what was learnt from training rows, and how it is applied."""

from assay.models.transforms.categories import OneHot, TargetEncoding
from assay.models.transforms.interaction import Interaction
from assay.models.transforms.numbers import Bin, RobustScale, SignedLog, Standardise
from assay.models.transforms.transform import Transform

KINDS = {one.kind: one for one in (SignedLog, Standardise, RobustScale, Bin, OneHot, TargetEncoding, Interaction)}
"""Every transform by the name that it is stored and declared under."""

__all__ = [
    "KINDS",
    "Bin",
    "Interaction",
    "OneHot",
    "RobustScale",
    "SignedLog",
    "Standardise",
    "TargetEncoding",
    "Transform",
]
