"""What the histories use in the place of Redis answers as a real one does, whatever is asked in whatever order."""

from __future__ import annotations

import random
from collections.abc import Callable

from redis import Redis as Client

from gateway_ext.budget.redis import scripts
from tests.servers.redis import running_redis
from tests.simulator.lease_site import SlicesInRedis

SEQUENCES, STEPS = 60, 40
NAMES, LEASES = ("team", "ada"), ("lease-1", "lease-2", "lease-3")
KEEP_MILLISECONDS = 60_000


def test_it_answers_as_redis_does() -> None:
    with running_redis() as server, Client(host="127.0.0.1", port=server.port, decode_responses=True) as client:
        real = {
            name: client.register_script(script)
            for name, script in (
                ("take", scripts.TAKE),
                ("use", scripts.USE),
                ("written", scripts.WRITTEN),
                ("close", scripts.CLOSE),
            )
        }
        for seed in range(SEQUENCES):
            client.flushall()
            made_up = SlicesInRedis(lambda: 0)
            chance = random.Random(seed)
            for step in range(STEPS):
                name, arguments = asked(chance)
                answer: Callable[..., object] = getattr(made_up, name)
                assert answer(*arguments) == real[name](args=arguments), (seed, step, name, arguments)


def asked(chance: random.Random) -> tuple[str, tuple[str | int, ...]]:
    name, lease = chance.choice(NAMES), chance.choice(LEASES)
    match chance.choice(("take", "take", "take", "use", "written", "close")):
        case "take":
            return "take", (name, chance.choice((1, 30, 70)), chance.choice((0, 90, 100)))
        case "use":
            return "use", (name, lease, chance.choice((50, 200)), 100, KEEP_MILLISECONDS)
        case "written":
            return "written", (lease, chance.choice((1, 2)))
    return "close", (name, lease)
