"""However often a policy is swapped, what a reader holds is one version of it, never a mixture of two."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from pathlib import Path

from gateway_ext.limits import NANO
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.problems import PolicyError
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.policy.watcher import PolicyWatcher

GOOD = Path(__file__).parents[1] / "policies" / "good"
SWAPS = 200


def write_version(mounted: Path, number: int) -> None:
    """The number stands in three files, so that a mixture would show; every tenth version is broken."""
    version = mounted / f"..v{number}"
    shutil.copytree(GOOD, version)
    for name, old, new in (
        ("models.yaml", "output_tokens_max: 512", f"output_tokens_max: {number}"),
        ("budgets.yaml", "amount: 20}", f"amount: {number}}}"),
        ("access.yaml", "groups: [staff]", f"groups: [staff-{number}]"),
    ):
        text = (version / name).read_text()
        (version / name).write_text(text.replace(old, new) + ("broken" if number % 10 == 0 else ""))
    (mounted / "..next").symlink_to(version.name)
    (mounted / "..next").replace(mounted / "..data")


def swap_rapidly(mounted: Path) -> None:
    for number in range(2, SWAPS + 2):
        write_version(mounted, number)
        time.sleep(0.002)


def version_of(snapshot: Snapshot) -> set[str]:
    (group,) = snapshot.identity.access[0].groups
    return {
        str(snapshot.routing.models["local"].output_tokens_max),
        str(snapshot.budget.budgets[0].limit_nano // NANO),
        group.removeprefix("staff-"),
    }


async def test_rapid_swaps_never_show_a_mixed_state(tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    write_version(mounted, 1)
    for path in GOOD.iterdir():
        (mounted / path.name).symlink_to(f"..data/{path.name}")
    watcher = PolicyWatcher(mounted, lambda _: None, poll_seconds=0.001)
    await watcher.start()

    swapping = asyncio.get_running_loop().run_in_executor(None, swap_rapidly, mounted)
    seen: set[str] = set()
    while not swapping.done():
        versions = version_of(watcher.current())
        assert len(versions) == 1
        seen |= versions
        with suppress(PolicyError):  # every tenth version is broken
            direct = await asyncio.to_thread(load_policy, mounted)  # reads in the midst of a swap, too
            assert len(version_of(direct)) == 1
    await swapping
    async with asyncio.timeout(5):
        while version_of(watcher.current()) != {str(SWAPS + 1)}:  # noqa: ASYNC110  a file system has no event
            await asyncio.sleep(0.005)
    await watcher.stop()
    assert len(seen) > 1
