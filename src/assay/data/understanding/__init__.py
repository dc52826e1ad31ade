"""Understanding: what a source holds, as figures, as findings and as a page that a person reads."""

from assay.data.understanding.understanding import Understanding, understand

__all__ = ["Understanding", "understand"]
