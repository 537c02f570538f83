"""Finds compiled kernels that are older than a source they were compiled from.

Numba notices a change in the file of a kernel, but not in the files of what that kernel calls, whose code is
compiled into it.
"""

from __future__ import annotations

import ast
from pathlib import Path


def forget_stale(package: Path) -> list[Path]:
    """Delete the caches of every module of `package` that imports a newer one; return what was deleted."""
    sources = {_name(package, path): path for path in sorted(package.rglob("*.py"))}
    imports = {name: _imports(path) & sources.keys() for name, path in sources.items()}
    deleted: list[Path] = []
    for name, path in sources.items():
        caches = sorted((path.parent / "__pycache__").glob(f"{path.stem}.*.nb[ic]"))
        if not caches:
            continue
        newest = max(sources[each].stat().st_mtime for each in _reached(name, imports))
        if min(cache.stat().st_mtime for cache in caches) < newest:
            for cache in caches:
                cache.unlink()
            deleted += caches
    return deleted


def _name(package: Path, path: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> set[str]:
    """Return what a module may import from: `from a import b` names `a` and perhaps the module `a.b`."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
    return named


def _reached(name: str, imports: dict[str, set[str]]) -> set[str]:
    reached, to_visit = {name}, [name]
    while to_visit:
        for each in imports[to_visit.pop()] - reached:
            reached.add(each)
            to_visit.append(each)
    return reached
