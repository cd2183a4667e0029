"""Whatever is ordered, undone, reopened, killed or waited for: readers know exactly what a simple model remembers."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway_ext.standing.directives import EXPIRY_MARGIN_NANO, Directive, Measure, Scope, Target
from gateway_ext.standing.sqlite_store import StandingStore, load
from gateway_ext.standing.standing import Standing
from gateway_ext.witnessed.reader import StoreReader

NAMES = st.sampled_from(["a", "b", "it's; DROP TABLE directive --", "ж" * 256])
TARGETS = st.one_of(
    st.builds(Target, st.just(Measure.REVOKED), st.just(Scope.CREDENTIAL), NAMES),
    st.builds(Target, st.just(Measure.DISABLED), st.just(Scope.PERSON), NAMES, st.sampled_from(["", "company"])),
    st.builds(
        Target,
        st.just(Measure.STOPPED),
        st.sampled_from([scope for scope in Scope if scope not in (Scope.EVERYTHING, Scope.JURISDICTION)]),
        NAMES,
    ),
    st.just(Target(Measure.STOPPED, Scope.EVERYTHING)),
)


class StoreAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "standing.sqlite"
        self.store = StandingStore(self.path)
        self.store.make("store-1")
        self.readers = [self.reader(), self.reader()]
        self.seen: list[Standing] = [Standing(), Standing()]
        self.now = 10**18
        self.model: dict[Target, Directive] = {}

    def reader(self) -> StoreReader[list[Directive]]:
        return StoreReader(StandingStore(self.path), load)

    def teardown(self) -> None:
        for reader in self.readers:
            reader.close()
        self.directory.cleanup()

    @rule(what=TARGETS, reason=st.sampled_from(["first", "second"]), lives=st.sampled_from([0, 5, 50]))
    def put(self, what: Target, reason: str, lives: int) -> None:
        expires = self.now + lives if lives and what.measure is Measure.REVOKED else 0
        before = self.model.get(what)
        self.store.put(Directive(what, "ops", reason, self.now, expires))
        if before is not None and not before.is_over(self.now):
            ends = (before.expires_unix_nano, expires)
            expires = max(ends) if all(ends) else 0
        self.model[what] = Directive(what, "ops", reason, self.now, expires)

    @rule(what=TARGETS)
    def undo(self, what: Target) -> None:
        was_in_force = what in self.model and not self.model[what].is_over(self.now)
        undone = self.store.undo(what)
        assert undone or not was_in_force
        self.model.pop(what, None)

    @rule(passes=st.sampled_from([1, 10, 10 + EXPIRY_MARGIN_NANO]))
    def wait(self, passes: int) -> None:
        self.now += passes

    @rule(which=st.integers(0, 1))
    def restart_a_reader(self, which: int) -> None:
        self.readers[which].close()
        self.readers[which] = self.reader()

    @rule()
    def restart_the_writer(self) -> None:
        self.store = StandingStore(self.path)

    @rule()
    def restart_everything(self) -> None:
        """The last one to close the file moves its log into it."""
        self.store = StandingStore(self.path)
        for which in range(2):
            self.restart_a_reader(which)

    @invariant()
    def all_know_the_same(self) -> None:
        in_force = [each for each in self.model.values() if not each.is_over(self.now)]
        assert sorted(self.store.directives(self.now), key=repr) == sorted(in_force, key=repr)
        for which, reader in enumerate(self.readers):
            found = reader.look()
            if found is not None:
                self.seen[which] = Standing.of(found, self.now)
            assert reader.look() is None
            # One that read before a revocation was over may still know of it; what is in force is never missing.
            wanted = Standing.of(in_force, self.now)
            assert self.seen[which].revoked >= wanted.revoked
            assert self.seen[which].disabled == wanted.disabled
            assert self.seen[which].stops == wanted.stops


TestStoreAgainstModel = StoreAgainstModel.TestCase
TestStoreAgainstModel.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
