"""What stands in a room, built at random: chair, lamp, laptop, mug, table, bag, cap, earphone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from snnfw_tasks.pointcloud.data.shapes_meshes import (
    arc,
    ball,
    box,
    cylinder,
    disc,
    funnel,
    ring,
    stretch_mesh,
    strut,
    tube,
    turn_mesh,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from snnfw_tasks.pointcloud.data.shapes_meshes import Mesh

    Between = Callable[[float, float], float]
    Parts = dict[str, list[Mesh]]


def chair(between: Between) -> Parts:
    """Build a chair with four legs, or one leg and a foot, and with arms or without."""
    width, depth, seat, tall = between(0.8, 1.1), between(0.8, 1.1), between(0.7, 1.0), between(0.6, 1.1)
    thick = between(0.06, 0.14)
    back = box((thick, width, tall), (-depth / 2, 0, seat + tall / 2))
    parts: Parts = {
        "back": [turn_mesh(back, (0, -between(0, 0.25), 0), (-depth / 2, 0, seat))],
        "seat": [box((depth, width, thick), (0, 0, seat))],
        "leg": _legs(between, depth, width, seat),
    }
    if between(0, 1) < 0.4:
        high, side = between(0.2, 0.4), width / 2
        rest = [box((depth * 0.9, 0.08, 0.06), (0, y, seat + high)) for y in (-side, side)]
        posts = [cylinder(0.03, high, (depth * 0.35, y, seat + high / 2)) for y in (-side, side)]
        parts["arm"] = rest + posts
    return parts


def table(between: Between) -> Parts:
    """Build a table with a square or a round top, some with a shelf below."""
    length, width, tall = between(1.0, 1.8), between(0.7, 1.2), between(0.5, 1.1)
    top = between(0.04, 0.12)
    rounded = between(0, 1) < 0.35
    plate = stretch_mesh(cylinder(0.5, top), (length, width, 1)) if rounded else box((length, width, top))
    parts: Parts = {"top": [plate.translate((0, 0, tall))], "leg": _legs(between, length, width, tall)}
    if between(0, 1) < 0.3:
        parts["shelf"] = [box((length * 0.8, width * 0.8, 0.04), (0, 0, tall * between(0.25, 0.6)))]
    return parts


def _legs(between: Between, length: float, width: float, tall: float) -> list[Mesh]:
    """Return four legs, or one in the middle with a foot."""
    if between(0, 1) < 0.25:
        return [cylinder(between(0.04, 0.1), tall, (0, 0, tall / 2)), disc(between(0.3, 0.5) * width)]
    thick, inset = between(0.03, 0.08), between(0.75, 0.95) / 2
    places = [(x * length * inset, y * width * inset, tall / 2) for x in (-1, 1) for y in (-1, 1)]
    if between(0, 1) < 0.5:
        return [cylinder(thick, tall, place) for place in places]
    return [box((2 * thick, 2 * thick, tall), place) for place in places]


def lamp(between: Between) -> Parts:
    """Build a lamp that stands on the floor or on a desk, or that hangs from the ceiling."""
    tall, wide, high = between(0.8, 1.8), between(0.25, 0.5), between(0.25, 0.5)
    shade = funnel(wide, wide * between(0.4, 1.0), high)
    if between(0, 1) < 0.35:
        return {
            "canopy": [cylinder(between(0.1, 0.25), 0.08, (0, 0, tall))],
            "pole": [cylinder(0.025, tall - high / 2, (0, 0, tall / 2 + high / 4))],
            "shade": [shade],
        }
    lean = between(-0.2, 0.2)
    return {
        "base": [cylinder(between(0.2, 0.4), between(0.04, 0.15))],
        "pole": [strut((0, 0, 0), (lean, 0, tall), between(0.025, 0.06))],
        "shade": [shade.translate((lean, 0, tall))],
    }


def laptop(between: Between) -> Parts:
    """Build a laptop that is open at an angle."""
    width, depth, thick = between(1.2, 1.6), between(0.8, 1.1), between(0.03, 0.08)
    screen = box((thick, width, depth), (-depth / 2, 0, depth / 2))
    return {
        "keyboard": [box((depth, width, thick))],
        "screen": [turn_mesh(screen, (0, -between(-0.3, 0.8), 0), (-depth / 2, 0, 0))],
    }


def mug(between: Between) -> Parts:
    """Build a cup with a bottom and a handle at its side."""
    radius, tall = between(0.35, 0.5), between(0.7, 1.2)
    bow, start = between(0.18, 0.32) * tall, radius * between(0.97, 1.0)
    handle = arc(bow, -math.pi / 2, math.pi / 2, between(0.03, 0.07), (0, start, between(-0.1, 0.1)))
    cup = [funnel(radius * between(0.8, 1.0), radius, tall), disc(radius * 0.8, (0, 0, -tall / 2))]
    return {"handle": handle, "cup": cup}


def bag(between: Between) -> Parts:
    """Build a bag with one handle or two."""
    width, depth, tall = between(0.8, 1.3), between(0.25, 0.6), between(0.6, 1.0)
    bow, thick = between(0.2, 0.4) * width, between(0.02, 0.05)
    sides = (0.0,) if between(0, 1) < 0.5 else (-depth / 3, depth / 3)
    loops = [arc(bow, 0, math.pi, thick, (x, 0, tall / 2)) for x in sides]
    soft = between(0, 1) < 0.4
    body = ball(0.5, (0, 0, 0), (depth, width, tall)) if soft else box((depth, width, tall))
    return {"body": [body], "handle": [mesh for loop in loops for mesh in loop]}


def cap(between: Between) -> Parts:
    """Build half a ball with a visor."""
    radius, flat = between(0.5, 0.65), between(0.6, 1.0)
    crown = ball(radius, (0, 0, 0), (1, between(0.85, 1.0), flat)).crop(_upper_half())
    visor = stretch_mesh(cylinder(radius * between(0.6, 0.85), 0.03), (between(0.8, 1.2), 1, 1))
    return {"crown": [crown], "visor": [visor.translate((radius * between(0.7, 0.9), 0, between(-0.02, 0.05)))]}


def earphone(between: Between) -> Parts:
    """Build two cups and the band between them, some with a wire."""
    radius, cup = between(0.6, 0.75), between(0.2, 0.32)
    thick = between(0.1, 0.22)
    cups = [cylinder(cup, thick, (0, y, 0), "y") for y in (-radius, radius)]
    pads = [ring(cup * 0.8, thick / 3, (0, y * 0.9, 0), "y") for y in (-radius, radius)]
    parts: Parts = {"cup": cups + pads, "band": arc(radius, 0, math.pi, between(0.03, 0.07))}
    if between(0, 1) < 0.5:
        drop = between(0.6, 1.1)
        parts["wire"] = tube([(0, radius, -cup), (0.1, radius * 0.7, -drop), (0.2, 0, -1.2 * drop)], 0.02)
    return parts


def _upper_half() -> object:
    from snnfw_tasks.pointcloud.library import require_open3d

    return require_open3d().geometry.AxisAlignedBoundingBox((-2.0, -2.0, -0.02), (2.0, 2.0, 2.0))
