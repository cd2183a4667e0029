"""Compile proto/ into gateway_ext/wire/. Used by the Makefile and by the wheel build (proto/build_backend.py)."""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO_ROOT = Path(__file__).resolve().parent


def compile_protos(destination: Path) -> None:
    """Write `*_pb2.py` and `*_pb2.pyi` for each file of proto/gateway_ext/wire below `destination`."""
    sources = sorted(str(path.relative_to(PROTO_ROOT)) for path in PROTO_ROOT.glob("gateway_ext/wire/*.proto"))
    well_known_types = files("grpc_tools") / "_proto"
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={PROTO_ROOT}",
            f"--proto_path={well_known_types}",
            f"--python_out={destination}",
            f"--pyi_out={destination}",
            *sources,
        ]
    )
    if status != 0:
        sys.exit(f"protoc failed with status {status}")


if __name__ == "__main__":
    compile_protos(PROTO_ROOT.parent)
