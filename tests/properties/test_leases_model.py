"""No limit is exceeded by leases that each processor has for itself."""

from __future__ import annotations

from hypothesis import settings

from tests.properties.leases_machine import Leases

TestLeases = Leases.TestCase
TestLeases.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
