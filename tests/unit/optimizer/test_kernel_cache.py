"""A kernel is compiled anew when anything that is compiled into it has changed."""

from __future__ import annotations

import os
from pathlib import Path

from optimizer.kernel_cache import forget_stale

SOURCES = {
    "__init__.py": "",
    "step.py": "x = 1\n",
    "near.py": "from made.step import x\n",
    "far/__init__.py": "",
    "far/sweep.py": "from made import near\n",
    "apart.py": "import math\n",
}


def caches_of(path: Path) -> list[Path]:
    return [path.parent / "__pycache__" / f"{path.stem}.kernel-3.py311{end}" for end in (".nbi", ".1.nbc")]


def made_package(folder: Path) -> Path:
    package = folder / "made"
    for name, text in SOURCES.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1_000, 1_000))
        for cache in caches_of(path):
            cache.parent.mkdir(exist_ok=True)
            cache.touch()
            os.utime(cache, (2_000, 2_000))
    return package


def test_what_is_newer_than_its_sources_stays(tmp_path: Path):
    assert forget_stale(made_package(tmp_path)) == []


def test_a_change_deletes_the_caches_of_all_that_lean_on_it(tmp_path: Path):
    package = made_package(tmp_path)
    os.utime(package / "step.py", (3_000, 3_000))
    leaning = [package / name for name in ("step.py", "near.py", "far/sweep.py")]
    assert sorted(forget_stale(package)) == sorted(cache for path in leaning for cache in caches_of(path))
    assert all(cache.exists() for cache in caches_of(package / "apart.py"))
    assert forget_stale(package) == []
