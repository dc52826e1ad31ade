"""Findings: what of all the figures a person should act on, in sentences, the gravest first.

`act`: a model would be wrong or a row would count twice. `look`: worth a thought, and maybe all is well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay.config.durations import spoken_duration
from assay.data.sentences import enumerated
from assay.data.understanding.column import Column
from assay.data.understanding.correlations import SAME, Correlations
from assay.data.understanding.coverage import Coverage
from assay.data.understanding.distributions import number_words
from assay.data.understanding.duplicates import Duplicates
from assay.data.understanding.provenance import Provenance
from assay.data.understanding.proxies import Protected
from assay.data.understanding.target import Association, Label

Level = Literal["act", "look"]

TOLD = 0.9  # strength of an association, an AUC of 0.95, that is too good to be true
HALF_MISSING = 0.5
MANY_OUTLIERS = 0.05
FEW_OUTLIERS, FAR_OUT = 0.01, 2.0  # so few, and so many times the room between the fences away
RARE_CLASS = 0.05
ENOUGH_COLUMNS = 5  # beside the key; rows of fewer agree by chance
SHOWN = 8  # columns named in one sentence


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that stands out.

    Attributes:
        level: How much it matters.
        what: What was found, with its figures.
        do: What to do about it.
        columns: Columns that it is about.
    """

    level: Level
    what: str
    do: str
    columns: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level, "what": self.what, "do": self.do, "columns": list(self.columns)}


def find(
    columns: Sequence[Column],
    *,
    n_rows: int,
    label: Label | None,
    associations: Mapping[str, Association],
    duplicates: Duplicates,
    coverage: Coverage | None,
    correlations: Correlations,
    protected: Sequence[Protected],
    provenance: Provenance,
) -> tuple[Finding, ...]:
    """Everything that stands out; a source without rows says just that."""
    if not n_rows:
        return (Finding("act", "There are no rows.", "Check the source, and the moment as of which it is read."),)
    found = [
        *_of_target(label, associations),
        *_of_duplicates(duplicates, n_beside=len(columns) - len(duplicates.key)),
        *_of_proxies(protected),
        *_of_emptiness(columns),
        *_of_types(columns),
        *_of_values(columns),
        *_of_copies(correlations, duplicates),
        *_of_time(coverage),
        *_of_provenance(provenance),
    ]
    return tuple(sorted(found, key=lambda one: one.level))  # `act` before `look`; the sort keeps the order of each


def _of_target(label: Label | None, associations: Mapping[str, Association]) -> Iterator[Finding]:
    if label is None:
        return
    told = {name: one for name, one in associations.items() if one.strength >= TOLD and not one.is_chance}
    if told:
        shown = _list([f"{name} ({one.measure} {one.figure.value:.3f})" for name, one in _strongest(told)])
        yield Finding(
            "act",
            f"{shown} tell{_s(told)} {label.name} nearly alone.",
            "Find out when it becomes known: an answer that is written down afterwards looks just like this.",
            tuple(told),
        )
    if label.classes:
        shares = {name: float((label.values == code).mean()) for code, name in enumerate(label.classes)}
        rarest = min(shares, key=lambda name: shares[name])
        if shares[rarest] < RARE_CLASS:
            yield Finding(
                "look",
                f"Only {shares[rarest]:.1%} of the rows have {label.name} = {rarest}.",
                "Judge models by a metric that does not reward silence, such as average precision.",
                (label.name,),
            )


def _of_duplicates(found: Duplicates, *, n_beside: int) -> Iterator[Finding]:
    if found.exact:
        what = f"{found.exact:,} rows ({found.exact / found.of:.1%}) repeat another in every column."
        yield Finding("act", what, "Remove them at the source, or add the column that tells them apart.")
    if found.on_key and found.on_key > found.exact:
        what = f"{found.on_key:,} rows have a key ({', '.join(found.key)}) that an earlier row has."
        yield Finding("act", what, "Declare the key that names a row, or remove what repeats.", found.key)
    is_telling = n_beside >= ENOUGH_COLUMNS and (found.beside_key or 0) < found.of / 2
    if found.beside_key and found.beside_key > found.exact and is_telling:
        what = f"{found.beside_key:,} rows ({found.beside_key / found.of:.1%}) differ from another in their key alone."
        yield Finding("look", what, "Find out whether one event was written down twice.", found.key)


def _of_proxies(protected: Sequence[Protected]) -> Iterator[Finding]:
    for one in protected:
        if not one.proxies:
            continue
        shown = _list([f"{proxy.column} ({proxy.auc.value:.2f})" for proxy in one.proxies])
        together = f"; all {one.n_asked} columns together reach {one.together.value:.2f}" if one.together else ""
        is_strong = any(proxy.is_strong for proxy in one.proxies)
        yield Finding(
            "act" if is_strong else "look",
            f"{shown} tell{_s(one.proxies)} {one.column} (ROC AUC){together}.",
            f"Leaving out {one.column} does not make a model blind to it: judge it by group, and weigh each of these.",
            (one.column, *(proxy.column for proxy in one.proxies)),
        )


def _of_emptiness(columns: Sequence[Column]) -> Iterator[Finding]:
    empty = [one.name for one in columns if one.kind == "empty"]
    constant = [one.name for one in columns if one.is_constant]
    gaps = sorted(
        (one for one in columns if one.kind != "empty" and one.missing.share >= HALF_MISSING),
        key=lambda one: -one.missing.share,
    )
    if empty:
        yield Finding(
            "act", f"{_list(empty)} hold{_s(empty)} no value at all.", "Find out why, or leave it out.", tuple(empty)
        )
    if constant:
        what = f"{_list(constant)} hold{_s(constant)} one value only."
        yield Finding("look", what, "It tells nothing about these rows; drop it, or find out why.", tuple(constant))
    if gaps:
        shown = _list([f"{one.name} ({one.missing.share:.0%})" for one in gaps])
        what = f"{shown} {'is' if len(gaps) == 1 else 'are'} mostly missing."
        do = "Learn why: a value that is only written down in some cases tells which case it was."
        yield Finding("look", what, do, tuple(one.name for one in gaps))


def _of_types(columns: Sequence[Column]) -> Iterator[Finding]:
    for kind, words in (("number", "numbers"), ("time", "dates and times")):
        texts = [one for one in columns if one.reads_as.kind == kind]
        if not texts:
            continue
        bad = [one for one in texts if one.reads_as.n_unread]
        unread = f", but for {_list([f'{one.reads_as.n_unread:,} values of {one.name}' for one in bad])}" if bad else ""
        names = [one.name for one in texts]
        what = f"{_list(names)} {'is text that holds' if len(names) == 1 else 'are texts that hold'} {words}{unread}."
        do = "Cast it in the feature view" + (", and mend what does not read." if bad else ".")
        yield Finding("act" if bad else "look", what, do, tuple(names))


def _of_values(columns: Sequence[Column]) -> Iterator[Finding]:
    infinite = {
        one.name: int(one.distribution.figures.get("infinite", 0))
        for one in columns
        if one.distribution and one.distribution.figures.get("infinite")
    }
    if infinite:
        shown = _list([f"{name} ({n:,})" for name, n in infinite.items()])
        yield Finding("act", f"{shown} hold{_s(infinite)} infinities.", "Find the division by zero.", tuple(infinite))
    yield from _of_outliers(columns)


def _of_outliers(columns: Sequence[Column]) -> Iterator[Finding]:
    """A few values very far out may be errors; many are the column's nature."""
    judged = {
        one.name: one.distribution.outliers
        for one in columns
        if one.kind == "number" and one.distribution and one.distribution.outliers
    }
    odd = {
        name: one
        for name, one in sorted(judged.items(), key=lambda item: -item[1].distance)
        if 0 < one.n / one.of < FEW_OUTLIERS and one.distance >= FAR_OUT
    }
    if odd:
        shown = _list(
            [f"{name} ({one.n:,} of {one.of:,}, as far as {number_words(one.farthest)})" for name, one in odd.items()]
        )
        yield Finding(
            "look", f"{shown} {_have(odd)} a few values very far out.", "Tell errors from rare events.", tuple(odd)
        )
    many = {
        name: one.n / one.of
        for name, one in sorted(judged.items(), key=lambda item: -item[1].n / item[1].of)
        if one.n / one.of >= MANY_OUTLIERS
    }
    if many:
        shown = _list([f"{name} ({share:.0%})" for name, share in many.items()])
        what = f"{shown} {_have(many)} {'a long tail' if len(many) == 1 else 'long tails'}: so many values lie far out."
        yield Finding("look", what, "Ranks or a logarithm tame it; trees do not mind.", tuple(many))


def _of_copies(correlations: Correlations, duplicates: Duplicates) -> Iterator[Finding]:
    if duplicates.columns:
        same = [_list(names) for names in duplicates.columns]
        what = f"{'; '.join(same[:SHOWN])} hold the same value in every row{'; and more do' if same[SHOWN:] else ''}."
        copies = tuple(name for names in duplicates.columns for name in names)
        yield Finding("look", what, "Keep one of each.", copies)
    equal = {frozenset((one, other)) for names in duplicates.columns for one in names for other in names}
    close = [
        one for one in correlations.pairs if abs(one.value) >= SAME and frozenset((one.one, one.other)) not in equal
    ]
    if close:
        shown = _list([f"{one.one} and {one.other} ({one.value:.3f})" for one in close])
        what = f"{shown} go together almost perfectly."
        columns = tuple(dict.fromkeys(name for one in close for name in (one.one, one.other)))
        yield Finding("look", what, "One of each pair is enough; weights of linear models split between them.", columns)


def _of_time(found: Coverage | None) -> Iterator[Finding]:
    if found is None:
        return
    if found.without:
        what = f"{found.without:,} rows have no time."
        yield Finding("act", what, f"They never join anything; mend {found.column} at the source.", (found.column,))
    if found.strange:
        what = f"{found.strange:,} rows have a time before the year 200 or after 9800."
        yield Finding("act", what, "Such times mean something else; say so with an empty value.", (found.column,))
    if found.n_gaps and not found.is_rhythm:
        gaps = [f"from {_day(one.after)} to {_day(one.before)}" for one in found.gaps]
        usual = spoken_duration(found.usual_step)
        what = f"No rows {_list(gaps)}; usually the next comes after {usual}."
        yield Finding("look", what, "Find out whether nothing happened or nothing was loaded.", (found.column,))


def _of_provenance(provenance: Provenance) -> Iterator[Finding]:
    if provenance.unsaid:
        what = f"Nobody has declared {' and '.join(provenance.unsaid)}."
        yield Finding("look", what, "Set `origin` and `collected` of the source in assay.yaml.")


def _strongest(found: Mapping[str, Association]) -> list[tuple[str, Association]]:
    return sorted(found.items(), key=lambda item: -item[1].strength)


def _list(words: Sequence[str]) -> str:
    return enumerated(words, most=SHOWN)


def _s(subjects: Any) -> str:
    """The verb's ending: one column tells, two tell."""
    return "s" if len(subjects) == 1 else ""


def _have(subjects: Any) -> str:
    return "has" if len(subjects) == 1 else "have"


def _day(moment: Any) -> str:
    return f"{moment:%Y-%m-%d}"
