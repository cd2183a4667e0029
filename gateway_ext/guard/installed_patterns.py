"""Pattern databases that were compiled when the gateway was installed (`gateway-ext guard compile`).

They lie beside the code, as compiled bytecode does, because who can write there can change the code itself: unlike
those of a state directory (databases.py) they carry no seal. Hyperscan itself refuses one that is damaged (CRC-32C) or
for another processor; whoever finds none that fits compiles its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import hyperscan

from gateway_ext.private_files import PUBLIC, write_whole

DIRECTORY = Path(__file__).with_name("compiled")
_SUFFIX = ".hs"


def installed(identity: bytes) -> hyperscan.Database | None:
    """The one that was compiled from what `identity` stands for, if there is one."""
    try:
        return hyperscan.loadb(_path(DIRECTORY, identity).read_bytes(), hyperscan.HS_MODE_BLOCK)
    except (OSError, hyperscan.error):
        return None


def install(databases: Mapping[bytes, hyperscan.Database], directory: Path) -> int:
    """Write `databases`, by identity, for every process of this installation, in the place of all that lay there.

    Returns their size in bytes. Raises OSError.
    """
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    size = 0
    for identity, database in databases.items():
        data = hyperscan.dumpb(database)
        size += len(data)
        write_whole(_path(directory, identity), data, PUBLIC)
    names = {_path(directory, identity).name for identity in databases}
    for path in directory.glob(f"*{_SUFFIX}"):
        if path.name not in names:
            path.unlink()
    return size


def _path(directory: Path, identity: bytes) -> Path:
    return directory / f"{identity.hex()}{_SUFFIX}"
