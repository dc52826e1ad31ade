"""Fitted transforms (FE-1, FE-2, FE-4, FE-5): what was learnt from training rows, and how it is applied."""

from assay.models.transforms.categories import OneHot, TargetEncoding
from assay.models.transforms.embedding import CategoryEmbedding
from assay.models.transforms.interaction import Interaction
from assay.models.transforms.numbers import Bin, RobustScale, SignedLog, Standardise
from assay.models.transforms.sentences import SentenceEmbedding
from assay.models.transforms.transform import Transform
from assay.models.transforms.words import Tfidf

KINDS = {
    one.kind: one
    for one in (
        SignedLog, Standardise, RobustScale, Bin, OneHot, TargetEncoding, CategoryEmbedding, Tfidf, SentenceEmbedding,
        Interaction,
    )
}  # fmt: skip
"""Every transform by the name that it is stored and declared under."""

__all__ = [
    "KINDS",
    "Bin",
    "CategoryEmbedding",
    "Interaction",
    "OneHot",
    "RobustScale",
    "SentenceEmbedding",
    "SignedLog",
    "Standardise",
    "TargetEncoding",
    "Tfidf",
    "Transform",
]
