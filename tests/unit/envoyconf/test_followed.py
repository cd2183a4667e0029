from __future__ import annotations

from pathlib import Path

from gateway_ext.envoyconf.followed import FILE, is_followed
from gateway_ext.envoyconf.write import write


def test_a_policy_is_followed_when_the_files_say_so(tmp_path: Path) -> None:
    write({FILE: "abc"}, tmp_path)
    assert is_followed(tmp_path, "abc")
    assert not is_followed(tmp_path, "def")


def test_where_nobody_writes_nobody_is_waited_for(tmp_path: Path) -> None:
    assert is_followed(tmp_path / "absent", "abc")
