"""What a processor does before it listens, alone in a fresh process: CPU seconds and proportional memory (PSS) of each part.

    python -m benchmarks.start.processor_start STATE POLICIES

Prints JSON: part → {"cpu_seconds", "pss_mib"}, the latter with all parts before it. Processors share pages of libraries,
so PSS of one alone is the most that it can be.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.machine.usage import held


def main(state: Path, policies: Path) -> None:
    found: dict[str, dict[str, float]] = {}
    began = 0.0  # the interpreter's own start counts to the imports

    def end_of(part: str) -> None:
        nonlocal began
        now = time.process_time()
        found[part] = {"cpu_seconds": now - began, "pss_mib": held([os.getpid()]).pss_kib / 1024}
        began = now

    import gateway_ext.guard.engine  # noqa: F401, PLC0415  (what is measured)
    from gateway_ext.bootstrap.guard import guard_engine  # noqa: PLC0415
    from gateway_ext.cli.processor import register  # noqa: F401, PLC0415
    from gateway_ext.policy.loader import load_policy  # noqa: PLC0415
    from gateway_ext.settings import Settings  # noqa: PLC0415
    from gateway_ext.tokens.counter import read_vocabularies  # noqa: PLC0415

    end_of("imports")
    guard = guard_engine(replace(Settings(), state_dir=state))
    end_of("patterns")
    snapshot = load_policy(policies)
    end_of("policy")
    guard.prepare(snapshot.guard)
    end_of("classifiers")
    read_vocabularies(model.tokenizer for model in snapshot.routing.models.values())
    end_of("vocabularies")
    guard.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
