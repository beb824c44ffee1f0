"""What moves or is held, built at random: airplane, car, motorbike, rocket, skateboard, guitar, knife, pistol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw_tasks.pointcloud.data.shapes_meshes import ball, box, cone, cylinder, ring, stretch_mesh, strut, turn_mesh

if TYPE_CHECKING:
    from collections.abc import Callable

    from snnfw_tasks.pointcloud.data.shapes_meshes import Mesh

    Between = Callable[[float, float], float]
    Parts = dict[str, list[Mesh]]


def airplane(between: Between) -> Parts:
    """Build a fuselage with swept wings, a tail, and engines under the wings or none."""
    length, radius, span = between(1.4, 2.0), between(0.08, 0.16), between(0.6, 1.1)
    chord, sweep, low = between(0.2, 0.35), between(0.0, 0.5), between(-0.8, 0.8) * radius
    wings = [_wing(span, chord, sweep * side, (0.1, side * span / 2, low)) for side in (-1, 1)]
    back, fin = -length / 2 + 0.12, between(0.25, 0.4)
    level = [_wing(span * 0.35, chord * 0.6, sweep * side, (back, side * span * 0.175, radius)) for side in (-1, 1)]
    parts: Parts = {
        "body": [ball(0.5, (0, 0, 0), (length, 2 * radius, 2 * radius))],
        "wing": wings,
        "tail": [*level, box((chord * 0.6, 0.03, fin), (back, 0, radius + fin / 2))],
    }
    if between(0, 1) < 0.7:
        out, size = between(0.3, 0.5) * span, between(0.05, 0.09)
        at = (0.2 - sweep * out / 2, low - size)
        parts["engine"] = [cylinder(size, 0.3, (at[0], y, at[1]), "x") for y in (-out, out)]
    return parts


def _wing(span: float, chord: float, sweep: float, at: tuple[float, float, float]) -> Mesh:
    return turn_mesh(box((chord, span, 0.03), at), (0.0, 0.0, sweep), (at[0], 0.0, at[2]))


def car(between: Between) -> Parts:
    """Build a body on four wheels with a hood in front and a roof above."""
    length, width, tall = between(1.6, 2.1), between(0.7, 0.9), between(0.22, 0.35)
    cabin, high, wheel = between(0.35, 0.6) * length, between(0.22, 0.4), between(0.15, 0.22)
    shift = -between(0.05, 0.2) * length
    front = length / 2 - (shift + cabin / 2)
    places = [(x * length * 0.32, y * width / 2, -tall / 2) for x in (-1, 1) for y in (-1, 1)]
    return {
        "roof": [box((cabin, width * 0.9, high), (shift, 0, tall / 2 + high / 2))],
        "hood": [box((front, width * 0.95, 0.05), (length / 2 - front / 2, 0, tall / 2 + 0.02))],
        "wheel": [cylinder(wheel, 0.12, place, "y") for place in places],
        "body": [box((length, width, tall))],
    }


def motorbike(between: Between) -> Parts:
    """Build two wheels, a frame between them, tank, seat, handlebar and light."""
    base, wheel = between(0.6, 0.8), between(0.28, 0.38)
    top = wheel + between(0.2, 0.35)
    fork, wide = (base * 0.7, 0.0, top + 0.15), between(0.25, 0.4)
    wheels = [ring(wheel, 0.06, (x, 0, 0), "y") for x in (-base, base)]
    hubs = [cylinder(wheel * 0.3, 0.06, (x, 0, 0), "y") for x in (-base, base)]
    bars = [strut((base, 0, 0), fork, 0.03), strut((-base, 0, 0), (0, 0, top - 0.1), 0.04)]
    return {
        "tank": [ball(0.5, (0.22, 0, top), (between(0.4, 0.6), 0.25, 0.22))],
        "seat": [box((between(0.4, 0.7), 0.22, 0.08), (-0.35, 0, top))],
        "wheel": wheels + hubs,
        "handlebar": [cylinder(0.025, 2 * wide, fork, "y")],
        "light": [ball(0.09, (base * 0.7 + 0.12, 0, top + 0.05))],
        "frame": [*bars, box((0.5, 0.2, 0.3), (0, 0, top * 0.35))],
    }


def rocket(between: Between) -> Parts:
    """Build a standing body with a nose and three or four fins."""
    radius, tall, nose = between(0.12, 0.25), between(1.0, 1.6), between(0.3, 0.6)
    fins, out, high = (3 if between(0, 1) < 0.5 else 4), between(0.15, 0.35), between(0.25, 0.5)
    blade = [box((out, 0.03, high), (radius + out / 2, 0, -tall / 2 + high / 2)) for _ in range(fins)]
    return {
        "body": [cylinder(radius, tall)],
        "fin": [turn_mesh(mesh, (0, 0, 6.2832 * step / fins)) for step, mesh in enumerate(blade)],
        "nose": [cone(radius, nose, (0, 0, tall / 2))],
    }


def skateboard(between: Between) -> Parts:
    """Build a deck with bent ends on two axles with two wheels each."""
    length, width, wheel = between(1.4, 1.9), between(0.35, 0.5), between(0.06, 0.11)
    tip, lift = between(0.2, 0.3), between(0.2, 0.6)
    ends = []
    for side in (-1, 1):
        plate = box((tip, width, 0.04), (side * (length + tip) / 2, 0, 0))
        ends.append(turn_mesh(plate, (0, -side * lift, 0), (side * length / 2, 0, 0)))
    low, at = -wheel - between(0.03, 0.08), between(0.3, 0.4) * length
    return {
        "wheel": [cylinder(wheel, 0.1, (x, y * width * 0.45, low), "y") for x in (-at, at) for y in (-1, 1)],
        "deck": [box((length, width, 0.04)), *ends],
        "axle": [box((0.12, width * 0.7, -low * 0.6), (x, 0, low / 2)) for x in (-at, at)],
    }


def guitar(between: Between) -> Parts:
    """Build a flat body of two bouts with a neck and a head."""
    lower, upper, thick = between(0.35, 0.48), between(0.25, 0.35), between(0.1, 0.22)
    neck, head = between(0.7, 1.0), between(0.15, 0.28)
    end = upper + 0.3
    return {
        "head": [box((head, between(0.12, 0.2), 0.05), (end + neck + head / 2, 0, 0))],
        "neck": [box((neck, 0.09, 0.06), (end + neck / 2, 0, 0))],
        "body": [cylinder(lower, thick, (0, 0, 0)), cylinder(upper, thick, (0.3, 0, 0))],
    }


def knife(between: Between) -> Parts:
    """Build a thin blade with a handle."""
    blade, wide, handle = between(0.8, 1.3), between(0.1, 0.25), between(0.4, 0.7)
    tip = stretch_mesh(cylinder(wide / 2, 0.02), (between(1, 3), 1, 1)).translate((blade, 0, 0))
    round_handle = between(0, 1) < 0.5
    grip = (
        cylinder(between(0.05, 0.08), handle, (-handle / 2, 0, 0), "x")
        if round_handle
        else box((handle, between(0.1, 0.16), between(0.06, 0.1)), (-handle / 2, 0, 0))
    )
    return {"blade": [box((blade, wide, 0.02), (blade / 2, 0, 0)), tip], "handle": [grip]}


def pistol(between: Between) -> Parts:
    """Build a barrel above a grip with a trigger guard."""
    barrel, tall, grip = between(0.8, 1.4), between(0.18, 0.28), between(0.45, 0.7)
    handle = box((0.25, 0.12, grip), (0, 0, -grip / 2))
    tube = box((barrel, 0.14, tall), (barrel / 2 - 0.15, 0, tall / 2))
    if between(0, 1) < 0.4:
        tube = cylinder(tall / 2, barrel, (barrel / 2 - 0.15, 0, tall / 2), "x")
    return {
        "barrel": [tube],
        "grip": [turn_mesh(handle, (0, between(0.0, 0.4), 0))],
        "trigger": [ring(between(0.09, 0.14), 0.02, (0.28, 0, -0.1), "y"), strut((0.27, 0, 0), (0.25, 0, -0.12), 0.02)],
    }
