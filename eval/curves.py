"""Lines over a common x axis as an SVG picture, drawn here: no plotting library is needed for a few lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 640, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 60, 50
_COLOURS = ("#1f5fbf", "#c0392b", "#2e8b57", "#8e44ad", "#b8860b", "#555555")
_TICKS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line."""

    name: str
    points: Sequence[tuple[float, float]]
    """x and y, in order of x."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What is written around it."""

    title: str
    x: str
    y: str
    marks: Sequence[tuple[float, str]] = ()
    """Horizontal lines that mean something, with what they mean."""


def curves(lines: Sequence[Line], axes: Axes) -> str:
    """SVG text. Both axes begin at 0."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points] + [y for y, _ in axes.marks]
    x_ticks, y_ticks = ticks(max(xs, default=1.0)), ticks(max(ys, default=1.0))
    frame = _Frame(x_ticks[-1], y_ticks[-1])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20" font-size="14" font-weight="bold">{escape(axes.title)}</text>',
        *frame.grid(x_ticks, y_ticks),
        _label(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - 10, axes.x, anchor="middle"),
        f'<text transform="translate(16 {(_HEIGHT + _TOP - _BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(axes.y)}</text>",
    ]
    for y, meaning in axes.marks:
        parts.append(frame.segment((0, y), (x_ticks[-1], y), 'stroke="#999" stroke-dasharray="4 3"'))
        parts.append(_label(_WIDTH - _RIGHT - 4, frame.y(y) - 4, meaning, anchor="end"))
    for number, line in enumerate(lines):
        parts.extend(frame.line(line, _COLOURS[number % len(_COLOURS)], number))
    return "\n".join([*parts, "</svg>"]) + "\n"


def ticks(highest: float) -> list[float]:
    """Round numbers from 0 to at least ``highest``, about six of them."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    return [round(step * number, 10) for number in range(math.ceil(highest / step - 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class _Frame:
    x_max: float
    y_max: float

    def x(self, value: float) -> float:
        return _LEFT + value / self.x_max * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - value / self.y_max * (_HEIGHT - _TOP - _BOTTOM)

    def segment(self, begin: tuple[float, float], end: tuple[float, float], style: str) -> str:
        (x1, y1), (x2, y2) = begin, end
        return f'<path d="M{self.x(x1):.1f} {self.y(y1):.1f}L{self.x(x2):.1f} {self.y(y2):.1f}" fill="none" {style}/>'

    def grid(self, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> list[str]:
        parts = []
        for tick in x_ticks:
            parts.append(self.segment((tick, 0), (tick, self.y_max), 'stroke="#eee"'))
            parts.append(_label(self.x(tick), _HEIGHT - _BOTTOM + 16, f"{tick:g}", anchor="middle"))
        for tick in y_ticks:
            parts.append(self.segment((0, tick), (self.x_max, tick), 'stroke="#eee"'))
            parts.append(_label(_LEFT - 6, self.y(tick) + 4, f"{tick:g}", anchor="end"))
        return parts

    def line(self, line: Line, colour: str, number: int) -> list[str]:
        points = [(self.x(x), self.y(y)) for x, y in line.points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        drawn = [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'] if points else []
        legend = _LEFT + number * 145
        return [
            *drawn,
            *dots,
            f'<rect x="{legend}" y="32" width="12" height="12" fill="{colour}"/>',
            _label(legend + 17, 42, line.name, anchor="start"),
        ]


def _label(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
