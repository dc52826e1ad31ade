"""What must hold between keys of assay.yaml, each with its remedy; types and ranges are the models' own.

What can only be known by reading data or project code (do the columns exist, is the metric known) is checked where it
is read.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from assay.config import behaviour_checks
from assay.config.nearest import did_you_mean
from assay.config.settings import Behaviour, EntityRole, Expectation, Settings, Source, moment_of

Path = tuple[str | int, ...]

NUMBER_TRANSFORMS = ("log", "standardise", "robust", "bin")
ENDINGS = {
    ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".xlsx": "excel",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """Keys that do not go together.

    Attributes:
        path: The key to correct.
        message: What is wrong and what to do.
        reads: Other keys that the finding rests on.
    """

    path: Path
    message: str
    reads: tuple[Path, ...] = ()


def check(settings: Settings) -> list[Finding]:
    """Everything that does not go together, in the order of the file's sections."""
    return [finding for one in CHECKS for finding in one(settings)]


def _brief(settings: Settings) -> Iterator[Finding]:
    baseline = settings.brief.baseline
    name = baseline.removeprefix("rules:")
    if baseline.startswith("rules:") and not name.isidentifier():
        message = f"`rules:` is followed by the name of a function in {settings.rules}, as in rules:home_team."
        yield Finding(("brief", "baseline"), message)
    if not settings.brief.business_value:
        return
    value = settings.brief.business_value
    worth = (value.true_positive, value.false_positive, value.true_negative, value.false_negative)
    if value.function is None and not any(worth):
        message = "every outcome is worth 0; say what right and wrong predictions are worth, or name a function."
        yield Finding(("brief", "business_value"), message)


def _sources(settings: Settings) -> Iterator[Finding]:
    for name, source in settings.sources.items():
        path: Path = ("sources", name)
        yield from _place_of_rows(source, path)
        yield from _time_of_rows(source, path)
        if len(set(source.key)) < len(source.key):
            yield Finding((*path, "key"), "names a column twice; remove it.")
        yield from _truth(settings, name, source)
        for number, expectation in enumerate(source.expectations):
            yield from _expectation(expectation, (*path, "expectations", number))


def _place_of_rows(source: Source, path: Path) -> Iterator[Finding]:
    reads = tuple((*path, key) for key in ("path", "format", "url", "query"))
    if source.format == "sql" or (source.path is None and (source.url or source.query)):
        if source.path is not None:
            yield Finding((*path, "path"), "a source of format sql has `url` and `query`, and no `path`.", reads)
        for key in ("url", "query"):
            if getattr(source, key) is None:
                yield Finding(path, f"a source of format sql needs `{key}`.", reads)
        return
    if source.path is None:
        yield Finding(path, "needs `path` to a file, or `format: sql` with `url` and `query`.", reads)
        return
    if source.url or source.query:
        yield Finding(path, "`url` and `query` belong to `format: sql`; remove them, or `path`.", reads)
    if source.format is None and PurePosixPath(source.path).suffix.lower() not in ENDINGS:
        message = f"the ending tells no format; end in one of {', '.join(ENDINGS)}, or give `format`."
        yield Finding((*path, "path"), message, reads)


def _time_of_rows(source: Source, path: Path) -> Iterator[Finding]:
    if source.time is not None:
        return
    for key, given in (
        ("time_format", source.time_format is not None),
        ("delay", bool(source.delay)),
        ("known_before", bool(source.known_before)),
        ("freshness", source.freshness.within is not None),
    ):
        if given:
            message = "has a meaning only with `time`; name the column with the time of the event."
            yield Finding((*path, key), message, ((*path, "time"),))


def _truth(settings: Settings, name: str, source: Source) -> Iterator[Finding]:
    if source.truth is None:
        return
    path: Path = ("sources", name, "truth", "source")
    named = source.truth.source
    if named == name:
        yield Finding(path, "names the source itself; name the one that it is reconciled with.")
    elif named not in settings.sources:
        hint = did_you_mean(named, settings.sources) or f"there are {', '.join(settings.sources)}."
        yield Finding(path, f"no source is called {named!r}; {hint}")
    if set(source.truth.columns) <= set(source.truth.key):
        yield Finding((*path[:-1], "columns"), "names only columns of `key`; add one whose values are to agree.")


def _expectation(expectation: Expectation, path: Path) -> Iterator[Finding]:
    about = expectation.model_dump(exclude={"column", "rule", "severity"}, exclude_none=True)
    if expectation.column is None and expectation.rule is None:
        yield Finding(path, "needs `column` with what must hold for it, or `rule`.")
    elif about and expectation.column is None:
        yield Finding(path, f"{', '.join(about)} need `column` beside them.")
    elif not about and expectation.rule is None:
        yield Finding(path, "says nothing about its column; add for instance `nullable: false` or `minimum: 0`.")
    yield from _pattern(expectation, path)
    low, high = expectation.minimum, expectation.maximum
    if low is not None and high is not None and low > high:
        yield Finding((*path, "minimum"), "greater than `maximum`; swap them.")


def _pattern(expectation: Expectation, path: Path) -> Iterator[Finding]:
    try:
        re.compile(expectation.pattern or "")
    except re.error as problem:
        yield Finding((*path, "pattern"), f"is no regular expression: {problem}; correct it.")


def _target(settings: Settings) -> Iterator[Finding]:
    target = settings.target
    source = settings.sources.get(target.source)
    if source is None:
        known = ", ".join(settings.sources)
        meant = did_you_mean(target.source, settings.sources)
        message = f"no source is called {target.source!r}; {meant or f'known: {known}.'}"
        yield Finding(("target", "source"), message, (("sources",), ("sources", target.source)))
    elif target.label in source.known_before:
        message = f"contradicts sources.{target.source}.known_before, which lists the label as known beforehand."
        yield Finding(("target", "label"), message, (("sources", target.source, "known_before"),))
    for key in ("key", "time", "group"):
        if getattr(target, key) == target.label:
            yield Finding(("target", key), "is the label itself; name another column.", (("target", "label"),))
    for key in ("inputs", "context"):
        if target.label in getattr(target, key):
            message = "lists the label, which is not known when the prediction is made; remove it."
            yield Finding(("target", key), message, (("target", "label"),))
    if target.label_delay and target.time is None:
        yield Finding(("target", "label_delay"), "counts from `target.time`; name that column.", (("target", "time"),))


def _entities(settings: Settings) -> Iterator[Finding]:
    for role, given in settings.target.entities.items():
        path: Path = ("target", "entities", role)
        column = given.column if isinstance(given, EntityRole) else given
        if not role.isidentifier():
            yield Finding(path, "a role is a word of letters, digits and underscores; rename it.")
        if column == settings.target.label:
            yield Finding(path, "is the label, which is not known beforehand; name the entity's column.")


def _split(settings: Settings) -> Iterator[Finding]:
    split, target = settings.split, settings.target
    by = split.by or ("time" if target.time else None)
    if split.by == "time" and target.time is None:
        message = "a split by time needs `target.time`, the column with the prediction time."
        yield Finding(("split", "by"), message, (("target", "time"),))
    if split.by == "group" and target.group is None:
        message = "a split by group needs `target.group`, the column whose values stay together."
        yield Finding(("split", "by"), message, (("target", "group"),))
    for key in ("train_until", "validation_until"):
        if getattr(split, key) is not None and by != "time":
            message = "belongs to a split by time; set `target.time`, or remove it."
            yield Finding(("split", key), message, (("target", "time"), ("split", "by")))
    if split.stratify and (by in ("time", "group") or target.group):
        message = "belongs to a random split; remove it, or `split.by`, `target.time` and `target.group`."
        yield Finding(("split", "stratify"), message, (("split", "by"), ("target", "time"), ("target", "group")))
    if split.validation + split.holdout >= 1:
        message = "with `validation` leaves nothing to train on; together they must stay below 1."
        yield Finding(("split", "holdout"), message, (("split", "validation"),))
    yield from _moments(settings)


def _moments(settings: Settings) -> Iterator[Finding]:
    first, second = settings.split.train_until, settings.split.validation_until
    both: tuple[Path, Path] = (("split", "train_until"), ("split", "validation_until"))
    if first and second and moment_of(first) >= moment_of(second):
        yield Finding(both[1], "must come after `train_until`.", both)


def _training(settings: Settings) -> Iterator[Finding]:
    estimators = settings.training.estimators
    if not estimators:
        yield Finding(("training", "estimators"), "names none; give at least one, or remove the key.")
    elif len(set(estimators)) < len(estimators):
        yield Finding(("training", "estimators"), "names one twice; remove it.")


def _transforms(settings: Settings) -> Iterator[Finding]:
    for number, rule in enumerate(settings.training.transforms):
        path: Path = ("training", "transforms", number, "apply")
        of_numbers = [name for name in rule.apply if name in NUMBER_TRANSFORMS]
        if 0 < len(of_numbers) < len(rule.apply) or (not of_numbers and len(rule.apply) > 1):
            chained = ", ".join(NUMBER_TRANSFORMS)
            yield Finding(path, f"only {chained} follow one another; give any other transform a rule of its own.")
        elif "bin" in rule.apply[:-1]:
            yield Finding(path, "`bin` makes a category, so it comes last.")
        elif len(set(rule.apply)) < len(rule.apply):
            yield Finding(path, "names one twice; remove it.")
        elif ("sentences" in rule.apply) != (rule.model is not None):
            message = "goes with `model`, a folder with model.onnx and tokenizer.json; `sentences` needs it, no other."
            yield Finding(path, message, (("training", "transforms", number, "model"),))


def _behaviour(settings: Settings) -> Iterator[Finding]:
    names: set[str] = set()
    for number, test in enumerate(settings.evaluation.behaviour):
        if not isinstance(test, Behaviour):
            continue
        path: Path = ("evaluation", "behaviour", number)
        reads = tuple((*path, key) for key in Behaviour.model_fields)
        for key, message in behaviour_checks.problems(test):
            yield Finding((*path, key), message, reads)
        if test.name in names:
            yield Finding((*path, "name"), "names a second test so; give each a name of its own.")
        names.add(test.name)


def _serving(settings: Settings) -> Iterator[Finding]:
    serving = settings.serving
    if not serving.api_keys and not _is_loopback(serving.host):
        message = "listens beyond this machine, which needs `api_keys`: a list of SHA-256 digests of accepted keys."
        yield Finding(("serving", "host"), message, (("serving", "api_keys"),))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _monitoring(settings: Settings) -> Iterator[Finding]:
    watched = settings.monitoring
    limits = (watched.psi_warning, watched.psi_retrain, watched.psi_critical)
    if not limits[0] <= limits[1] <= limits[2]:
        keys = ("psi_warning", "psi_retrain", "psi_critical")
        message = "psi_warning, psi_retrain and psi_critical must not decrease."
        yield Finding(("monitoring", "psi_retrain"), message, tuple(("monitoring", key) for key in keys))
    for number, window in enumerate(watched.windows):
        if not window:
            yield Finding(("monitoring", "windows", number), "an empty window; give a length such as 1d.")


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _brief, _sources, _target, _entities, _split, _training, _transforms, _behaviour, _serving, _monitoring,
)  # fmt: skip
