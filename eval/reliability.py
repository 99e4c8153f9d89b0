"""A reliability picture as SVG: how often a method is right when it says that it is so sure.

After Niculescu-Mizil and Caruana (2005).
"""

from collections.abc import Mapping, Sequence
from html import escape

BINS = 10
_SIDE = 320
_LEFT, _TOP = 60, 60
_COLOURS = ("#1f5fbf", "#d1495b", "#3a9d5d", "#8d6cab", "#c98a1b")

Point = tuple[float, float, int]
"""Mean probability, share right, how many."""


def bins(probabilities: Sequence[float], right: Sequence[bool]) -> list[Point]:
    """The bins of equal width that hold anything, in order."""
    found: list[Point] = []
    for number in range(BINS):
        inside = [i for i, p in enumerate(probabilities) if min(int(p * BINS), BINS - 1) == number]
        if inside:
            mean = sum(probabilities[i] for i in inside) / len(inside)
            found.append((mean, sum(right[i] for i in inside) / len(inside), len(inside)))
    return found


def picture(methods: Mapping[str, Sequence[Point]], title: str) -> str:
    """SVG text: a line a method, dots as large as their bin; on the diagonal a method is as right as it says."""
    width, height = _LEFT + _SIDE + 180, _TOP + _SIDE + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        'font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="24" font-size="14" font-weight="bold">{escape(title)}</text>',
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#999"/>',
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#999" stroke-dasharray="4 4"/>',
        f'<text x="{_x(0.5)}" y="{_y(0) + 36}" text-anchor="middle">probability said</text>',
        f'<text transform="translate(18 {_y(0.5)}) rotate(-90)" text-anchor="middle">share that is right</text>',
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<text x="{_x(tick)}" y="{_y(0) + 18}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{_LEFT - 8}" y="{_y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    for number, (name, points) in enumerate(methods.items()):
        parts += _curve(name, points, _COLOURS[number % len(_COLOURS)], number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _curve(name: str, points: Sequence[Point], colour: str, number: int) -> list[str]:
    most = max((count for _, _, count in points), default=1)
    path = " ".join(f"{_x(said):.1f},{_y(share):.1f}" for said, share, _ in points)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
    for said, share, count in points:
        radius = 2 + 7 * (count / most) ** 0.5
        parts.append(
            f'<circle cx="{_x(said):.1f}" cy="{_y(share):.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.6">'
            f"<title>{escape(name)}: {count}</title></circle>"
        )
    y = _TOP + 14 + 18 * number
    return [*parts, f'<text x="{_LEFT + _SIDE + 16}" y="{y}" fill="{colour}">{escape(name)}</text>']


def _x(share: float) -> float:
    return _LEFT + _SIDE * share


def _y(share: float) -> float:
    return _TOP + _SIDE * (1 - share)
