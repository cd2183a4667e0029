"""The ways around a guard that users of other gateways have paid for, tried on this one from end to end.

Each request holds a value where such a gateway did not look. The provider's own log says what reached it. What the
gateway itself writes is searched at the end of every one that the suite starts (examination.py); here is what that rests on.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from gateway_ext.audit.exports.tables import Format
from gateway_ext.cli.main import main
from tests.envoy.examination import ALLOWED, Examination, Examiner, files_below
from tests.envoy.handed_out import HANDED_OUT, Kind
from tests.envoy.planted import EMAIL, IBAN, KEY, METRICS, PAGES, TEXT, WORD, pages, plant
from tests.envoy.stack import Stack, free_ports, running_stack
from tests.unit.test_docs import first_cells, has_row

pytestmark = pytest.mark.envoy
DIGITS = "37040044"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One of its own: its policy redacts IBANs, and Prometheus can ask it."""
    settings = f"metrics_address: 127.0.0.1:{free_ports(1)[0]}\ncheckpoint_seconds: 0.2\n"
    with running_stack(tmp_path_factory.mktemp("leaks"), settings=settings) as running:
        running.use_policy(("guard.yaml", "detectors:\n", "detectors:\n  iban: {action: redact}\n"))
        yield running


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def call(arguments: str) -> dict[str, Any]:
    function = {"name": "pay", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function}]}


def chat(*messages: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
    return "/chat/completions", {"model": "assistant", "messages": list(messages), **more}


def requests(value: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The value in every place, by the name of the place."""
    tool = {"type": "function", "function": {"name": "pay", "description": f"uses {value}", "parameters": {}}}
    escaped = json.dumps({"to": value}).replace("3", "\\u0033").replace("K", "\\u004b")
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": f"https://x.example/?k={value}"}},
    ]
    items = [{"role": "user", "content": [{"type": "input_text", "text": value}]}, user("and now?")]
    return {
        "an earlier message": chat(user(f"It is {value}"), {"role": "assistant", "content": "Noted."}, user("And?")),
        "an answer of the model's": chat(user("Hi"), {"role": "assistant", "content": value}, user("And?")),
        "the system prompt": chat({"role": "system", "content": f"Use {value}."}, user("Hi")),
        "a developer's message": chat({"role": "developer", "content": f"Use {value}."}, user("Hi")),
        "arguments of a tool call": chat(user("Hi"), call(json.dumps({"to": value})), user("And?")),
        "escapes in arguments of a tool call": chat(user("Hi"), call(escaped), user("And?")),
        "a tool's result": chat(user("Hi"), {"role": "tool", "tool_call_id": "c1", "content": value}),
        "a tool's description": chat(user("Hi"), tools=[tool]),
        "a part beside an image": chat(user(parts)),
        "metadata": chat(user("Hi"), metadata={"note": value}),
        "the end user's name": chat(user("Hi"), user=value),
        "a prompt in a batch": ("/completions", {"model": "assistant", "prompt": ["Hi", value]}),
        "an input to be embedded": ("/embeddings", {"model": "embedder", "input": ["Hi", value]}),
        "instructions of a response": ("/responses", {"model": "assistant", "input": "Hi", "instructions": value}),
        "an earlier item of a response": ("/responses", {"model": "assistant", "input": items}),
        "a streamed response": ("/responses", {"model": "assistant", "input": value, "stream": True}),
    }


@pytest.mark.parametrize("place", requests(""))
def test_a_blocked_key_is_refused_wherever_it_stands(stack: Stack, place: str) -> None:
    stack.forget_upstream_log()
    path, body = requests(KEY)[place]
    with stack.client() as client:
        answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "content_blocked")
    assert KEY not in answer.text
    assert stack.upstream_log() == []


@pytest.mark.parametrize("place", requests(""))
def test_a_printed_iban_is_redacted_wherever_it_stands(stack: Stack, place: str) -> None:
    stack.forget_upstream_log()
    path, body = requests(IBAN)[place]
    with stack.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    (seen,) = stack.upstream_log()
    reached = json.dumps(seen["body"]).replace("\\\\u0033", "3")
    assert "[IBAN]" in reached
    assert DIGITS not in "".join(filter(str.isdigit, reached))
    assert DIGITS not in "".join(filter(str.isdigit, answer.text))


# --- what the gateway writes ------------------------------------------------------------------------------------------


def stack_examiner(stack: Stack) -> Examiner:
    examiner = Examiner(HANDED_OUT)
    examiner.learn_keys(stack.state)
    return examiner


def examined(stack: Stack) -> Examination:
    return stack_examiner(stack).examine(stack.state.parent, pages(stack))


def test_planted_values_pass_through_the_gateway_and_are_written_nowhere(stack: Stack) -> None:
    stack.forget_upstream_log()
    plant(stack)
    reached = json.dumps(stack.upstream_log())
    assert WORD in reached
    assert TEXT.replace(IBAN, "[IBAN]") in reached
    stack.wait_for_records(lambda records: sum("content_blocked" in str(each) for each in records) > 0)
    assert examined(stack).violations == ()


def test_each_exception_of_the_search_is_needed(stack: Stack) -> None:
    assert examined(stack).needed == set(ALLOWED)


def test_every_file_of_the_state_has_a_row_in_the_threat_model(stack: Stack) -> None:
    named = first_cells("threat-model.md", "store") | first_cells("threat-model.md", "channel")
    left = {re.sub(r"-(wal|shm)$", "", str(path.relative_to(stack.state))) for path in files_below(stack.state)}
    assert {path for path in left if not has_row(named, path)} == set()


KINDS_OF_FILES = (
    *("up.log", "simulator.log", "settings.yaml", "policies/*.yaml"),
    *(f"state/log/{name}.log" for name in ("control", "envoy", "processor-*", "otlp-sink", "identity-provider")),
    *(f"state/{name}.sqlite" for name in ("ledger", "standing", "alerts", "agreements")),
    *("state/ledger.sqlite-wal", "state/recorded.json", "state/envoy.yaml", "state/jwks/*.json", "state/xds/*.yaml"),
    *("state/spool/processor-*/*.segment", "state/spool/control/*.segment", "state/trees/*/hashes"),
    *("state/otlp/logs.jsonl",),
)
WAYS: Mapping[str, Callable[[str], bytes]] = {
    "as it is": lambda value: value.encode(),
    "in capitals": lambda value: value.upper().encode(),
    "base64": lambda value: base64.b64encode(f"x{value}".encode()),
    "hexadecimal": lambda value: value.encode().hex().encode(),
    "percent-encoded": lambda value: quote_plus(value).encode(),
    "JSON": lambda value: json.dumps(f'"{value}"').encode(),
    "compressed": lambda value: gzip.compress(value.encode()),
}


def test_every_kind_of_file_is_there_to_be_searched(stack: Stack) -> None:
    assert [name for name in KINDS_OF_FILES if not any(stack.state.parent.glob(name))] == []


def test_a_value_is_found_in_every_file_however_it_is_written(stack: Stack, tmp_path: Path) -> None:
    """In copies, each in another way: the gateway's own files stay as they are."""
    names = set()
    for path, way in zip(files_below(stack.state.parent), itertools.cycle(WAYS)):
        with suppress(FileNotFoundError):  # the gateway runs
            content = path.read_bytes()
            names.add(name := str(path.relative_to(stack.state.parent)))
            (copy := tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content + WAYS[way](EMAIL))
    found = stack_examiner(stack).examine(tmp_path).violations
    assert {each.file.partition(" (")[0] for each in found if each.kind is Kind.PLANTED} == names


def test_a_value_is_found_in_what_is_shown_and_lies_in_no_file(stack: Stack, tmp_path: Path) -> None:
    shown = pages(stack)
    assert {METRICS, *(f"Envoy's {page}" for page in PAGES)} <= shown.keys()
    assert b"gateway_audit_records_total" in shown[METRICS]
    assert any(name.startswith("command line of") for name in shown)
    written = {name: page + EMAIL.encode() for name, page in shown.items()}
    assert {each.file for each in Examiner(HANDED_OUT).examine(tmp_path, written).violations} == shown.keys()


# --- what the gateway tells people ------------------------------------------------------------------------------------

COMMANDS = (
    *("audit tail -n 500", "audit tail -n 500 --json", "audit status --json", "audit checkpoint --json"),
    *("audit search -n 500 --json", "audit search", "audit index status --json"),
    *("guard report --json", "guard report --detector iban --all", "guard report --detector email --all --json"),
    *("policy replay --json", "routing compare assistant --json", "budget status --json", "standing --json"),
    *("budget report --by user --json", "agreements list --json", "alerts list --json", "keys list --json"),
)


@pytest.fixture
def run(stack: Stack, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A command of an operator of this gateway, which all planted values have passed through."""
    plant(stack)
    stack.wait_for_records(lambda records: sum("content_blocked" in str(each) for each in records) > 0)

    options = ["--state", str(stack.state), "--settings", str(stack.state.parent / "settings.yaml")]
    missing = ""
    main(["audit", "search", *options])  # from here on there is a log of what operators do
    deadline = time.monotonic() + 20
    while main(["audit", "checkpoint", *options]) or (missing := capsys.readouterr().err):
        assert time.monotonic() < deadline, missing
        time.sleep(0.1)

    def run(*command: object) -> str:
        code = main([*map(str, command), *options])
        shown = capsys.readouterr()
        assert code in {0, 1}, f"{command}: {shown.err}"
        assert shown.out, command
        return shown.out + shown.err

    return run


def test_no_command_tells_what_passed_through(stack: Stack, tmp_path: Path, run: Callable[..., str]) -> None:
    told = {command: run(*command.split()) for command in COMMANDS}
    found = json.loads(told["audit search -n 500 --json"])
    told |= {f"audit show {each['id']}": run("audit", "show", each["id"]) for each in found["entries"][:8]}
    assert (
        stack_examiner(stack).examine(tmp_path, {name: text.encode() for name, text in told.items()}).violations == ()
    )


def test_no_export_holds_what_passed_through(stack: Stack, tmp_path: Path, run: Callable[..., str]) -> None:
    for form in Format:
        run("audit", "export", tmp_path / form, "--format", form, "--purpose", "search")
        assert (tmp_path / form / form.file_name).stat().st_size > 0
    assert stack_examiner(stack).examine(tmp_path).violations == ()
