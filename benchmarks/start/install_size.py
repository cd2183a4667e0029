"""How large the runtime is: the locked dependencies and the gateway in a fresh virtual environment, and what an image would hold.

    python -m benchmarks.start.install_size [--fresh] [--json FILE]

Without `--fresh` it is told from what is installed here (installed.py), in a second. With it everything of requirements.lock is
installed into a temporary environment, by pip, from the index that it is configured for.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.machine.processes import PROJECT
from benchmarks.start.installed import envoy_bytes, gateway_bytes, interpreter_bytes, tree_bytes

PROCESSOR_IMAGE = "an image of a processor"
_EVERYTHING: frozenset[str] = frozenset()


def estimated() -> dict[str, int]:
    """Bytes by what could be installed: all that an image of it would hold, byte code and its operating system left out."""
    interpreter = interpreter_bytes()
    return {
        "a processor, without the interpreter": gateway_bytes(),
        PROCESSOR_IMAGE: interpreter + gateway_bytes(),
        "an image of the control process": interpreter + gateway_bytes("control"),
        "an image of Envoy": envoy_bytes(),
        "one machine (gateway-ext[local])": interpreter + gateway_bytes("local") + envoy_bytes(),
    }


def fresh(root: Path) -> int:
    """Bytes of a new virtual environment below `root` with requirements.lock and the gateway, byte code included.

    Raises subprocess.CalledProcessError when they cannot be installed.
    """
    subprocess.run([sys.executable, "-m", "venv", root], check=True)
    pip = [str(root / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, "--require-hashes", "--requirement", str(PROJECT / "requirements.lock")], check=True)
    return tree_bytes(root, _EVERYTHING) + tree_bytes(PROJECT / "gateway_ext", _EVERYTHING)


def report(sizes: Mapping[str, int]) -> str:
    return "\n".join(f"{name:<52}{size / 2**20:>8.0f} MiB" for name, size in sizes.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="install everything anew, for minutes")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    sizes = estimated()
    if options.fresh:
        with tempfile.TemporaryDirectory(prefix="gw-size-") as directory:
            sizes["a fresh virtual environment of a processor"] = fresh(Path(directory, "venv"))
    print(report(sizes))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(sizes, indent=2) + "\n")


if __name__ == "__main__":
    main()
