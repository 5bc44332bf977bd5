"""A small line chart as SVG, for what a long run measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 220
LEFT: Final = 64
RIGHT: Final = 150
TOP: Final = 34
BOTTOM: Final = 34
LINES: Final = 4  # across
COLOURS: Final = ("#1f6fb2", "#c2571a", "#2a8a57", "#8a4fb0")

Line = Sequence[tuple[float, float]]


def chart(title: str, lines: Mapping[str, Line], *, x_unit: str, y_unit: str, top: int = 0) -> str:
    """Return one chart as a group, moved down by `top`; its y axis begins at zero."""
    points = [point for line in lines.values() for point in line]
    x_most = max((x for x, _ in points), default=1.0) or 1.0
    y_most = _round_up(max((y for _, y in points), default=1.0))

    def place(x: float, y: float) -> str:
        return (
            f"{LEFT + x / x_most * (WIDTH - LEFT - RIGHT):.1f},"
            f"{HEIGHT - BOTTOM - y / y_most * (HEIGHT - TOP - BOTTOM):.1f}"
        )

    parts = [
        f'<g transform="translate(0,{top})" font-family="sans-serif" font-size="11">',
        f'<text x="{LEFT}" y="18" font-size="13">{escape(title)}</text>',
    ]
    for step in range(LINES + 1):
        value = y_most * step / LINES
        left, right = place(0, value), place(x_most, value)
        parts.append(f'<polyline points="{left} {right}" stroke="#ddd" fill="none"/>')
        y = left.partition(",")[2]
        parts.append(f'<text x="{LEFT - 6}" y="{y}" text-anchor="end">{value:g}</text>')
        x = place(x_most * step / LINES, 0).partition(",")[0]
        at = f"{x_most * step / LINES:.0f}"
        parts.append(f'<text x="{x}" y="{HEIGHT - 18}" text-anchor="middle">{at}</text>')
    middle = (LEFT + WIDTH - RIGHT) // 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_unit)}</text>'
    )
    parts.append(f'<text x="4" y="{TOP - 4}">{escape(y_unit)}</text>')
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        track = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline points="{track}" stroke="{colour}" fill="none"/>')
        legend = TOP + 14 * number + 8
        parts.append(
            f'<text x="{WIDTH - RIGHT + 10}" y="{legend}" fill="{colour}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</g>"])


def page(charts: Sequence[str]) -> str:
    """Return the document of some charts, each made with its `top`."""
    height = HEIGHT * len(charts)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *charts, "</svg>\n"])


def _round_up(value: float) -> float:
    """Return the next number of one digit and a half: where an axis ends."""
    size = 1.0
    while size < value:
        size *= 10
    for part in (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0):
        if size * part >= value:
            return size * part
    return size
