"""Runs every benchmark, one after the other, and writes what was measured to RESULTS.md with a plot of each.

`--quick` runs the small sizes. A script that fails is named, and the others still run.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LONGEST_SECONDS = 3_600
BAR_WIDTH, ROW_HEIGHT, NAME_WIDTH = 420, 26, 260


def main() -> int:
    """Run the scripts; the exit code is 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute each")
    quick = parser.parse_args().quick
    measured, failed = [], []
    for script in sorted(HERE.glob("b[0-9][0-9]_*.py")):
        print(f"==> {script.stem}", file=sys.stderr, flush=True)
        report = _run(script, quick=quick)
        (failed.append(script.stem) if report is None else measured.append((script.stem, report)))
    (HERE / "RESULTS.md").write_text(_page(measured, quick=quick))
    for stem, report in measured:
        (HERE / "plots").mkdir(exist_ok=True)
        (HERE / "plots" / f"{stem}.svg").write_text(_plot(report["results"]))
    for stem in failed:
        print(f"failed: {stem}", file=sys.stderr)
    return 1 if failed else 0


def _run(script: Path, *, quick: bool) -> dict[str, Any] | None:
    command = [sys.executable, str(script), "--json", *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=LONGEST_SECONDS, check=False)
    if done.returncode:
        return None
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _page(measured: list[tuple[str, dict[str, Any]]], *, quick: bool) -> str:
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    size = "small sizes (`--quick`)" if quick else "full sizes"
    lines = ["# Benchmarks", "", f"Written by `benchmarks/run.py`: {size}, {machine}. Peers run beside ours.", ""]
    for stem, report in measured:
        lines += [f"## {report['id']}", "", f"![seconds by contestant](plots/{stem}.svg)", ""]
        lines += [
            f"Sizes: {json.dumps(report['sizes'])}",
            "",
            "| contestant | seconds | peak MB |",
            "| --- | ---: | ---: |",
        ]
        lines += [f"| {one['name']} | {one['seconds']:.4g} | {_or_dash(one['peak_mb'])} |" for one in report["results"]]
        lines += ["", "| goal | measured | bound | met |", "| --- | ---: | ---: | --- |"]
        lines += [
            f"| {goal['text']} | {_or_dash(goal['value'])} | {goal['bound']} | {'yes' if goal['met'] else '**no**'} |"
            for goal in report["goals"]
        ]
        lines.append("")
    return "\n".join(lines)


def _plot(results: list[dict[str, Any]]) -> str:
    longest = max((one["seconds"] for one in results), default=1.0)
    height = ROW_HEIGHT * len(results) + 10
    width = NAME_WIDTH + BAR_WIDTH + 90
    size = f'width="{width}" height="{height}"'
    rows = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">']
    for number, one in enumerate(results):
        y = 8 + number * ROW_HEIGHT
        length = max(2.0, BAR_WIDTH * one["seconds"] / longest)
        rows.append(f'<text x="{NAME_WIDTH - 8}" y="{y + 13}" text-anchor="end">{_escaped(one["name"])}</text>')
        rows.append(f'<rect x="{NAME_WIDTH}" y="{y}" width="{length:.1f}" height="17" fill="#2f6f4f"/>')
        rows.append(f'<text x="{NAME_WIDTH + length + 6:.1f}" y="{y + 13}">{one["seconds"]:.3g} s</text>')
    return "\n".join([*rows, "</svg>"])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
