"""Check an export of an Assay ledger: python verify_export.py ledger.jsonl [DIGEST]

Needs nothing but Python: no Assay, no other package. DIGEST is a head digest that was written down elsewhere (on a
model card, in a mail); with it, an export that was rewritten from end to end is found out too.

What it does: the first line says where the chain ends. Every further line is one record. Without its `digest`, written
as canonical JSON (RFC 8785), the record must have that SHA-256; it must name the digest of the line before it as
`previous`, and carry the next number. Exit code 0: the chain holds. 1: it does not, and the first bad record is named.
"""

import hashlib
import json
import sys
from decimal import Decimal
from pathlib import Path


def number(value):
    """A number as ECMAScript writes it (RFC 8785, section 3.2.2.3)."""
    if isinstance(value, int):
        return str(value)
    if value == 0:
        return "0"
    sign_bit, figures, exponent = Decimal(repr(value)).normalize().as_tuple()
    sign, digits = "-" if sign_bit else "", "".join(map(str, figures))
    point = len(digits) + exponent  # where the decimal point stands, counted from the first digit
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if 0 < point <= 21:
        whole = digits[:point].ljust(point, "0")
        return f"{sign}{whole}.{digits[point:]}" if len(digits) > point else f"{sign}{whole}"
    return f"{sign}{digits[0]}{'.' + digits[1:] if digits[1:] else ''}e{point - 1:+d}"


def canonical(value):
    """A JSON value as RFC 8785 writes it."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def check(lines, known_digest=None):
    """Return what is wrong, as a sentence; None where the chain holds."""
    try:
        first = json.loads(next(lines, "{}"))
        head = (first["head"]["sequence"], first["head"]["digest"])
    except (ValueError, KeyError, TypeError):
        return "the first line does not say where the chain ends: this is no export of a ledger"
    previous, seen = "0" * 64, known_digest in (None, "0" * 64)
    sequence = 0
    for sequence, line in enumerate(lines, start=1):
        name = f"E-{sequence:06d}"
        try:
            record = json.loads(line)
            digest = record.pop("digest")
            found = hashlib.sha256(canonical(record).encode()).hexdigest()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return f"{name} cannot be read: {error}"
        if (record.get("sequence"), record.get("id")) != (sequence, name):
            return f"{name} is not in its place: {record.get('id')} stands there"
        if found != digest:
            return f"{name} was edited: its digest is {found}, not {digest}"
        if record.get("previous") != previous:
            return f"{name} does not follow the record before it: one of the two was replaced"
        previous, seen = digest, seen or digest == known_digest
    if (sequence, previous) != head:
        return f"the export ends at record {sequence}, the chain at record {head[0]}: records were removed or added"
    return None if seen else "no record has the digest that you know: the whole chain was rewritten"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    with Path(sys.argv[1]).open(encoding="utf-8", errors="surrogateescape") as export:
        wrong = check(export, *sys.argv[2:])
    print(wrong or "the chain holds")
    sys.exit(1 if wrong else 0)
