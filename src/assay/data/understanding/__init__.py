"""Understanding: what a source holds, as figures, as findings and as a page that a person reads."""

from assay.data.understanding.evidence import evidence_of
from assay.data.understanding.report import data_report
from assay.data.understanding.understanding import Understanding, understand

__all__ = ["Understanding", "data_report", "evidence_of", "understand"]
