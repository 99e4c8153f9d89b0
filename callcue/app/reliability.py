"""A reliability picture as SVG: how often things happened, against how probable they were said to be."""

from collections.abc import Mapping
from html import escape

from tagger.forecast_scores import Scores

_SIDE, _GAP, _TOP, _LEFT = 210, 60, 70, 50
_DOT = 9.0
"""Radius of the fullest bin's dot, pixels."""


def reliability(scores: Mapping[str, Scores], title: str) -> str:
    """SVG text: a square for each name; the dots' area is the number of forecasts, the diagonal is a kept word."""
    width = _LEFT + len(scores) * (_SIDE + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_TOP + _SIDE + 60}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, held) in enumerate(scores.items()):
        parts += _square(_LEFT + number * (_SIDE + _GAP), name, held)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _square(left: float, name: str, scores: Scores) -> list[str]:
    bottom = _TOP + _SIDE
    told = f"{scores.cases} cases"
    if scores.brier is not None and scores.base_brier is not None:
        told += f", Brier {scores.brier:.3f} (base rate {scores.base_brier:.3f})"
    parts = [
        f'<text x="{left}" y="{_TOP - 24}" font-weight="bold">{escape(name)}</text>',
        f'<text x="{left}" y="{_TOP - 8}" fill="#555" font-size="11">{escape(told)}</text>',
        f'<rect x="{left}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#999"/>',
        f'<path d="M{left} {bottom}L{left + _SIDE} {_TOP}" stroke="#999" stroke-dasharray="4 3"/>',
        f'<text x="{left + _SIDE / 2}" y="{bottom + 34}" text-anchor="middle">foretold</text>',
        f'<text transform="translate({left - 30} {_TOP + _SIDE / 2}) rotate(-90)" text-anchor="middle">happened</text>',
    ]
    for tick in (0.0, 0.5, 1.0):
        parts.append(f'<text x="{left + tick * _SIDE}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{left - 6}" y="{bottom - tick * _SIDE + 4}" text-anchor="end">{tick:g}</text>')
    most = max((one.cases for one in scores.bins), default=1)
    for one in scores.bins:
        x, y = left + one.mean * _SIDE, bottom - one.happened / one.cases * _SIDE
        radius = max(1.5, _DOT * (one.cases / most) ** 0.5)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#1f5fbf" fill-opacity="0.8"/>')
    return parts
