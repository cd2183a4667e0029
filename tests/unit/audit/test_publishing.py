from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway_ext.audit.publishing import Publishing
from gateway_ext.errors import ConfigurationError
from tests.unit.audit.signed_logs import SignedState, record, signed_state


@pytest.fixture
def state(tmp_path: Path) -> SignedState:
    return signed_state(tmp_path, {1: [record(1)]})


def publishing(state: SignedState, program: Callable[[bytes], bytes]) -> Publishing:
    return Publishing(state.root / "trees", program, state.clock, seconds=60)


def test_each_newest_checkpoint_is_given_once_and_its_answer_kept(state: SignedState) -> None:
    given: list[bytes] = []

    def program(note: bytes) -> bytes:
        given.append(note)
        return b"answer %d" % len(given)

    work = publishing(state, program)
    work.step()
    work.step()
    first = state.log().signed
    assert given == [first.note]
    for sequence in (2, 3):
        state.write(1, [record(sequence)])
        state.sign()
    work.step()  # its minute is not over
    assert len(given) == 1
    state.clock.forward(60)
    work.step()
    publishing(state, program).step()  # after a restart
    assert given == [first.note, state.log().signed.note]
    answer = state.log().file.latest_answer()
    assert answer is not None
    assert (answer.size, answer.answer) == (3, b"answer 2")


def test_a_failure_is_told_once_and_tried_again(state: SignedState, caplog: pytest.LogCaptureFixture) -> None:
    answers: Iterator[bytes | Exception] = iter(
        [ConfigurationError("/opt/witness: has ended with status 1"), OSError(5, "no"), b"late"]
    )

    def program(_: bytes) -> bytes:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    work = publishing(state, program)
    for _ in range(3):
        work.step()
        work.step()
        state.clock.forward(60)
    assert caplog.text.count("a checkpoint is not published") == 1
    assert "has ended with status 1" in caplog.text
    assert "are published again" in caplog.text
    answer = state.log().file.latest_answer()
    assert answer is not None
    assert answer.answer == b"late"


def test_without_a_checkpoint_there_is_nothing_to_publish(tmp_path: Path) -> None:
    (tmp_path / "trees" / "processor-0").mkdir(parents=True)
    state = SignedState(tmp_path, signed_state(tmp_path / "other", {1: [record(1)]}).clock)
    publishing(state, lambda _: pytest.fail("nothing was signed")).step()
