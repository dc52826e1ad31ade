"""The points of a technical file by Annex IV of the EU AI Act: what each asks, and what only a person can answer.

Told in our own words; where a word matters, the text of the law decides. Filling them is `technical_file.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "Regulation (EU) 2024/1689, Annex IV"


@dataclass(frozen=True, slots=True)
class Point:
    """One thing the annex asks for.

    Attributes:
        key: Its number, and the key in `technical_file:` of assay.yaml.
        asks: What it asks for.
        person: What somebody must write, whatever evidence there is; empty where evidence and settings can answer.
    """

    key: str
    asks: str
    person: str = ""


@dataclass(frozen=True, slots=True)
class AnnexSection:
    number: int
    title: str
    points: tuple[Point, ...]


SECTIONS = (
    AnnexSection(
        1,
        "What the system is, in general",
        (
            Point("1a", "Purpose, provider, version and the versions before it"),
            Point("1b", "Other hardware and software it works with", "what it exchanges with which other systems"),
            Point(
                "1c", "Software versions, and what updates ask", "which updates it needs, and how users learn of them"
            ),
            Point("1d", "Forms in which it is put on the market", "as what it is handed over: package, download, API"),
            Point("1e", "Hardware it is meant to run on", "which machines it is meant for"),
            Point(
                "1f", "Outside and inside of a product it is part of", "pictures of the product, or that there is none"
            ),
            Point("1g", "What the deployer's user interface shows", "what its users see and can do"),
            Point("1h", "Instructions for use", "the instructions, or where they are"),
        ),
    ),
    AnnexSection(
        2,
        "What it is made of, and how it was developed",
        (
            Point("2a", "Methods and steps of development", "which models and tools of others were used, and how"),
            Point(
                "2b", "Design, assumptions and trade-offs", "the reasons for the design, and what it assumes of people"
            ),
            Point("2c", "Architecture and computing", "how the parts fit together"),
            Point("2d", "Training data", "how the data was obtained, chosen, labelled and cleaned"),
            Point("2e", "Human oversight that is needed", "who oversees it, with what means to understand its answers"),
            Point("2f", "Changes decided on beforehand"),
            Point("2g", "Validation and tests", "who signs the test reports, and when"),
            Point("2h", "Cybersecurity", "the measures around the system"),
        ),
    ),
    AnnexSection(
        3,
        "How it works, is watched and is controlled",
        (
            Point("3-performance", "What it can and cannot do, also for groups of people"),
            Point(
                "3-risks", "Unwanted outcomes that can be foreseen", "risks to health, safety and fundamental rights"
            ),
            Point("3-oversight", "Human oversight in use", "how people step in, and what helps them read the answers"),
            Point("3-inputs", "What input data must be"),
        ),
    ),
    AnnexSection(
        4,
        "Why these measures of performance fit",
        (Point("4", "Fitness of the metrics", "why these metrics fit this use"),),
    ),
    AnnexSection(
        5,
        "How risks are managed",
        (Point("5", "The risk management system (Article 9)", "the risks found, their weight and what is done"),),
    ),
    AnnexSection(
        6,
        "What changed during its life",
        (Point("6", "Changes made by the provider"),),
    ),
    AnnexSection(
        7,
        "Which standards are met",
        (
            Point(
                "7", "Harmonised standards, or other solutions", "the standards applied, or what stands in their place"
            ),
        ),
    ),
    AnnexSection(
        8,
        "The EU declaration of conformity",
        (Point("8", "A copy of the declaration (Article 47)", "the declaration, or where it is"),),
    ),
    AnnexSection(
        9,
        "How it is followed after it is on the market",
        (
            Point(
                "9",
                "Post-market monitoring and its plan (Article 72)",
                "the plan: who looks at what, when, and acts how",
            ),
        ),
    ),
)
