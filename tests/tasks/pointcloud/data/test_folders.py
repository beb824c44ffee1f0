from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np
import open3d
import pytest

from snnfw.errors import SnnfwError
from snnfw_tasks.pointcloud.data.files import read_places
from snnfw_tasks.pointcloud.data.folders import CloudFolders
from snnfw_tasks.pointcloud.data.points import choose_indices
from snnfw_tasks.pointcloud.library import require_open3d

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRIANGLE = "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def write_mesh(path: Path, ascii_: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    box = open3d.geometry.TriangleMesh.create_box(1, 2, 3)
    box.compute_triangle_normals()
    assert open3d.io.write_triangle_mesh(path, box, write_ascii=ascii_)


def write_points(path: Path, places: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(places))
    assert open3d.io.write_point_cloud(path, cloud)


@pytest.mark.parametrize("suffix", ["ply", "obj", "off", "stl"])
def test_meshes_are_sampled_on_their_surface(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"box.{suffix}"
    write_mesh(file)
    places = read_places(file, 500, random())
    assert places.shape == (500, 3)
    on_a_side = np.isclose(places, 0) | np.isclose(places, [1, 2, 3])
    assert on_a_side.any(1).all()
    assert np.array_equal(places, read_places(file, 500, random()))


@pytest.mark.parametrize("suffix", ["ply", "pcd", "xyz"])
@pytest.mark.parametrize("count", [30, 200])
def test_clouds_of_any_size_give_as_many_points_as_asked_for(tmp_path: Path, suffix: str, count: int) -> None:
    file = tmp_path / f"cloud.{suffix}"
    write_points(file, random().normal(size=(count, 3)))
    places = read_places(file, 100, random())
    assert places.shape == (100, 3)
    assert len(np.unique(places, axis=0)) == min(count, 100)


def test_too_few_points_are_all_there_and_come_again() -> None:
    some = choose_indices(5, 12, random())
    assert some[:5].tolist() == [0, 1, 2, 3, 4]
    assert len(some) == 12
    assert sorted(choose_indices(12, 12, random())) == list(range(12))


def test_a_header_without_a_line_break_is_read(tmp_path: Path) -> None:
    file = tmp_path / "chair.off"
    file.write_text(TRIANGLE.replace("OFF\n", "OFF"))
    assert read_places(file, 10, random()).shape == (10, 3)


def test_points_that_come_twice_are_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "twice.xyz"
    file.write_text("0 0 0\n0 0 0\n1 0 0\n")
    assert len(np.unique(read_places(file, 8, random()), axis=0)) == 2


FILES: dict[str, tuple[str, str, str]] = {
    "empty file": ("a.ply", "", "'{file}' cannot be read or holds no points: see that it is a whole .ply file, or remove it."),
    "empty list of points": ("a.xyz", "", "'{file}' cannot be read or holds no points: see that it is a whole .xyz file, or remove it."),
    "unreadable": ("a.pcd", "nonsense", "'{file}' cannot be read or holds no points: see that it is a whole .pcd file, or remove it."),
    "cut off": ("a.off", TRIANGLE[:20], "'{file}' promises 3 points and 1 can be read: repair or remove it."),
    "too few faces": ("a.off", TRIANGLE.replace("3 1 0", "3 4 0"), "'{file}' promises 4 faces and 1 can be read: repair or remove it."),
    "a face cut short": ("a.off", TRIANGLE[:-3], "'{file}' promises 1 faces and 0 can be read: repair or remove it."),
    "a face of an OBJ cut short": ("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 1 2", "line 5 of '{file}' is no whole face, 'f 1 2': copy it anew."),
    "a point of an OBJ cut short": ("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1\nf 1 2 3\n", "line 3 of '{file}' is no whole point, 'v 0 1': copy it anew."),
    "an STL in words that ends early": ("a.stl", "solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n", "'{file}' ends before its 'endsolid': copy it anew."),
    "one point": ("a.xyz", "1 2 3\n", "'{file}' holds 1 point: a cloud needs 2 or more, so remove it."),
    "one place": ("a.xyz", "1 2 3\n" * 4, "all 4 points of '{file}' lie in one place: a cloud needs 2 or more, so remove it."),
    "too few lines": ("a.pts", "3\n1 2 3\n2 2 3\n", "'{file}' promises 3 points and 2 can be read: repair or remove it."),
    "a line that is no point": ("a.xyz", "1 2 3\n2 2 3\nno point\n3 2 3\n", "'{file}' promises 4 points and 3 can be read: repair or remove it."),
    "a face of no point": (
        "a.off",
        "OFF\n4 1 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 1 9\n",
        "a face of '{file}' names a point that is not there: repair or remove the file.",
    ),
    "a PLY in words that ends early": (
        "a.ply",
        "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n1 0 0\n",
        "'{file}' ends before the 3 points and faces that it promises: copy it anew.",
    ),
    "NaN": ("a.xyz", "1 2 3\n1 nan 3\n", "'{file}' has NaN or infinity in point 1: repair or remove it."),
    "infinity": ("a.xyz", "inf 2 3\n1 2 3\n", "'{file}' has NaN or infinity in point 0: repair or remove it."),
    "no faces": (
        "a.obj",
        "v 0 0 0\nv 1 0 0\nv 0 1 0\n",
        "'{file}' cannot be read as a mesh with faces: see that it is a whole .obj file, or save its points as .ply, .pcd or .xyz.",
    ),
    "flat faces": (
        "a.off",
        TRIANGLE.replace("0 1 0", "2 0 0"),
        "the faces of '{file}' have no area, so there is nothing to sample: repair or remove it.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_gives_no_cloud_is_named(tmp_path: Path, case: str) -> None:
    name, content, message = FILES[case]
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(SnnfwError) as raised:
        read_places(file, 8, random())
    assert str(raised.value) == message.format(file=file)


CUBE = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)])
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


def off(path: Path) -> None:
    points = "".join(f"{x} {y} {z}\n" for x, y, z in CUBE)
    faces = "".join("4 {} {} {} {}\n".format(*quad) for quad in QUADS)
    path.write_text(f"OFF # a cube\n\n8 6 12\n{points}{faces}")


def ply_of_quads(path: Path, order: str = ">") -> None:
    """Write a cube whose faces have four corners, which no least size of a face tells."""
    name = {">": "big", "<": "little"}[order]
    header = f"ply\nformat binary_{name}_endian 1.0\nelement vertex 8\nproperty float x\nproperty float y\nproperty float z\n"
    header += "element face 6\nproperty list uchar int vertex_indices\nend_header\n"
    faces = b"".join(b"\4" + np.array(quad, f"{order}i4").tobytes() for quad in QUADS)
    path.write_bytes(header.encode() + CUBE.astype(f"{order}f4").tobytes() + faces)


def stl_in_words(path: Path) -> None:
    corners = [(CUBE[a], CUBE[b], CUBE[c]) for a, b, c, _ in QUADS]
    facets = "".join(
        "facet normal 0 0 1\nouter loop\n"
        + "".join(f"vertex {x} {y} {z}\n" for x, y, z in triangle)
        + "endloop\nendfacet\n"
        for triangle in corners
    )
    path.write_text(f"solid cube\n{facets}endsolid cube\n")


def points(path: Path, ascii_: bool = False, compressed: bool = False) -> None:
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(random().random((50, 3))))
    assert open3d.io.write_point_cloud(path, cloud, write_ascii=ascii_, compressed=compressed)


def pts(path: Path) -> None:
    path.write_text("50\n" + "1 2 3\n2 2 3\n" * 25)


WHOLE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "OFF": ("a.off", off),
    "PLY of triangles": ("a.ply", write_mesh),
    "PLY of triangles in words": ("a.ply", lambda path: write_mesh(path, ascii_=True)),
    "PLY of quads, highest byte first": ("a.ply", ply_of_quads),
    "PLY of quads, lowest byte first": ("a.ply", lambda path: ply_of_quads(path, "<")),
    "PLY of points": ("a.ply", points),
    "PLY of points in words": ("a.ply", lambda path: points(path, ascii_=True)),
    "STL": ("a.stl", write_mesh),
    "STL in words": ("a.stl", stl_in_words),
    "PCD": ("a.pcd", points),
    "PCD in words": ("a.pcd", lambda path: points(path, ascii_=True)),
    "PCD, compressed": ("a.pcd", lambda path: points(path, compressed=True)),
    "XYZ": ("a.xyz", points),
    "PTS": ("a.pts", pts),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_file_that_ends_early_is_refused_wherever_it_ends(tmp_path: Path, case: str) -> None:
    name, write = WHOLE[case]
    file = tmp_path / name
    write(file)
    content = file.read_bytes()
    assert read_places(file, 16, random()).shape == (16, 3)
    last = content.rstrip().rfind(b"\n") + 1 if content.endswith(b"\n") else len(content) - 1
    ends = [last, (len(content) + last) // 2, len(content) // 2, len(content) // 3]
    if case == "XYZ":  # which promises nothing: a line that is cut is all that shows
        ends = [content.rstrip().rfind(b" ")]
    for end in ends:
        file.write_bytes(content[:end])
        with pytest.raises(SnnfwError) as raised:
            read_places(file, 16, random())
        assert str(file) in str(raised.value)


def test_the_sides_of_a_whole_cube_get_their_share(tmp_path: Path) -> None:
    for case in ("OFF", "PLY of quads, highest byte first", "PLY of quads, lowest byte first"):
        name, write = WHOLE[case]
        write(tmp_path / name)
        places = read_places(tmp_path / name, 3000, random())
        shares = [float((abs(places[:, axis] - at) < 1e-3).mean()) for axis in range(3) for at in (0, 1)]
        assert shares == pytest.approx([1 / 6] * 6, abs=0.03)


def test_folders_are_categories(tmp_path: Path) -> None:
    for split, category in [(s, c) for s in ("train", "test") for c in ("box", "ball")]:
        write_mesh(tmp_path / split / category / "1.stl")
        write_points(tmp_path / split / category / "2.pcd", random().normal(size=(20, 3)))
    clouds = CloudFolders(tmp_path, points=64, up="y").clouds()
    assert clouds.categories == ("ball", "box")
    assert clouds.up == 1
    assert [len(clouds.training()), len(clouds.calibration), len(clouds.evaluation)] == [4, 4, 4]
    cloud = clouds.evaluation[3]
    assert cloud.category == 1
    assert cloud.points.shape == (64, 3)
    assert cloud.points.norm(dim=1).max().item() == pytest.approx(1)
    assert cloud.points.equal(clouds.evaluation[3].points)


def empty_folders(root: Path) -> None:
    for category in "ab":
        write_mesh(root / "train" / category / "1.ply")
        (root / "test" / category).mkdir(parents=True)


FOLDERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no root": (lambda root: None, "data 'clouds' finds no folder '{root}': expected there are train/CATEGORY/*.ply, test/CATEGORY/*.ply (or val/) and, optionally, calibration/CATEGORY/*.ply."),
    "no split": (lambda root: (root / "train").mkdir(parents=True), "data 'clouds' finds no folder '{root}/test' or '{root}/val': expected under '{root}' are train/CATEGORY/*.ply, test/CATEGORY/*.ply (or val/) and, optionally, calibration/CATEGORY/*.ply."),
    "empty category": (empty_folders, "data 'clouds' has no cloud of the category 'a' in '{root}/test/a': every split needs every category, in files that end in .ply, .obj, .off, .stl, .gltf, .glb, .fbx, .pcd, .xyz, .xyzn, .xyzrgb, .pts."),
}  # fmt: skip


@pytest.mark.parametrize("case", FOLDERS)
def test_folders_that_are_not_there_are_named(tmp_path: Path, case: str) -> None:
    prepare, message = FOLDERS[case]
    root = tmp_path / "root"
    prepare(root)
    with pytest.raises(SnnfwError) as raised:
        CloudFolders(root).clouds()
    assert str(raised.value) == message.format(root=root)


IMPORTS: dict[str, tuple[Exception, str]] = {
    "no package": (
        ModuleNotFoundError("No module named 'open3d'", name="open3d"),
        "task 'pointcloud' needs the package open3d: pip install 'snnfw[pointcloud]'.",
    ),
    "no library": (
        OSError("libusb-1.0.so.0: cannot open shared object file: No such file or directory"),
        "open3d needs the system library libusb-1.0: apt-get install libusb-1.0-0.",
    ),
    "as an import error": (
        ImportError("libGL.so.1: cannot open shared object file: No such file or directory"),
        "open3d needs the system library libGL: apt-get install libgl1.",
    ),
    "something else": (
        ImportError("numpy is too old"),
        "open3d is installed and cannot be imported (numpy is too old): install what is missing.",
    ),
}


@pytest.mark.parametrize("case", IMPORTS)
def test_what_open3d_lacks_is_told(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error, message = IMPORTS[case]
    imported = builtins.__import__

    def fail(name: str, *args: Any) -> Any:
        if name == "open3d":
            raise error
        return imported(name, *args)

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(SnnfwError) as raised:
        require_open3d.__wrapped__()
    assert str(raised.value) == message
