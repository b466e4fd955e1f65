"""Findings: what to know about samples, how much it matters, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

PROBLEM, WARNING, NOTE = "problem", "warning", "note"
"""How much a finding matters: kriging is impossible or wrong, doubtful, or good to know."""

FEWEST_SAMPLES = 30
"""Below this, a variogram is little more than a guess (Webster & Oliver 1992 ask for 100 and more)."""


@dataclass(frozen=True)
class Finding:
    """Something to know about the samples, and what to do about it."""

    level: str
    title: str
    detail: str
    advice: str


def plural(count: int, noun: str) -> str:
    """Count in words."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
