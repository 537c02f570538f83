"""Generate the Python stubs in vpp/rpcgen from protos/. `--check` only says whether they are current."""

from __future__ import annotations

import filecmp
import re
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
TARGET = ROOT / "vpp" / "rpcgen"


def generate(into: Path) -> None:
    """Write stubs for every proto to `into`, importable as vpp.rpcgen.<name>_pb2."""
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("vpp/v1/*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        arguments = [
            f"-I{PROTOS}",
            f"--python_out={scratch}",
            f"--pyi_out={scratch}",
            f"--grpc_python_out={scratch}",
        ]
        well_known = Path(protoc.__file__).parent / "_proto"
        if protoc.main(["protoc", f"-I{well_known}", *arguments, *files]) != 0:
            raise SystemExit("protoc failed")
        for path in sorted((Path(scratch) / "vpp" / "v1").glob("*_pb2*")):
            text = re.sub(
                r"^from vpp\.v1 import", "from vpp.rpcgen import", path.read_text(), flags=re.MULTILINE
            )
            (into / path.name).write_text(text)


def main() -> None:
    if "--check" not in sys.argv:
        generate(TARGET)
        return
    with tempfile.TemporaryDirectory() as fresh:
        generate(Path(fresh))
        names = sorted(path.name for path in Path(fresh).iterdir())
        _, changed, missing = filecmp.cmpfiles(fresh, TARGET, names, shallow=False)
    if changed or missing:
        raise SystemExit(f"stubs are not current: {', '.join(changed + missing)}; run `make protos`")


if __name__ == "__main__":
    main()
