from __future__ import annotations

import re

from PIL import Image
from tools.gallery import FOLDER, PICTURES, ROOT, WIDTH


def test_each_picture_stands_in_the_gallery_below_its_command() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    shown = re.findall(r"^    (snnfw .*)\n\n!\[[^\]]{20,}\]\(assets/gallery/(\w+)\.webp\)$", page, re.MULTILINE)
    assert {name: command for command, name in shown} == {name: it.command for name, it in PICTURES.items()}
    assert page.count("![") == len(PICTURES)


def test_pictures_are_small() -> None:
    files = sorted(FOLDER.iterdir())
    assert [file.stem for file in files] == sorted(PICTURES)
    assert sum(file.stat().st_size for file in files) < 1_000_000
    assert not [file.name for file in files if Image.open(file).width > WIDTH]
