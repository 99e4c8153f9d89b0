"""A confusion matrix as an SVG picture, drawn here: no plotting library is needed for squares with numbers."""

from collections.abc import Sequence
from html import escape

_CELL = 44
_MARGIN = 150
_SMALL_CELL = 12
_MAX_NUMBERED = 30
"""With more labels than this the squares get small and lose their numbers."""


def heat_map(labels: Sequence[str], counts: Sequence[Sequence[int]], title: str) -> str:
    """SVG text. Rows are true labels, columns predicted ones; a square's shade is its share of its row."""
    numbered = len(labels) <= _MAX_NUMBERED
    cell = _CELL if numbered else _SMALL_CELL
    side = _MARGIN + cell * len(labels) + 20
    font = 12 if numbered else 9
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side + 20}" font-family="sans-serif" '
        f'font-size="{font}">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
        '<text x="10" y="38" fill="#555">rows: true label, columns: predicted</text>',
    ]
    for row, label in enumerate(labels):
        centre = _MARGIN + row * cell + cell / 2
        parts.append(_text(_MARGIN - 6, centre + font / 3, label, anchor="end"))
        parts.append(
            f'<text transform="translate({centre + font / 3:.1f} {_MARGIN - 6}) rotate(-90)">{escape(label)}</text>'
        )
        parts.extend(_row(row, counts[row], cell, numbered=numbered))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(row: int, counts: Sequence[int], cell: int, *, numbered: bool) -> list[str]:
    total = sum(counts)
    parts = []
    for column, count in enumerate(counts):
        share = count / total if total else 0.0
        x, y = _MARGIN + column * cell, _MARGIN + row * cell
        shade = round(255 - 175 * share)
        fill = f"rgb({shade},{shade + (255 - shade) // 3},255)"
        edge = "#333" if row == column else "#ddd"
        parts.append(f'<rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="{fill}" stroke="{edge}"/>')
        if numbered and count:
            parts.append(_text(x + cell / 2, y + cell / 2 + 4, str(count), anchor="middle"))
    return parts


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
