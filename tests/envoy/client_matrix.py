"""Which client gets what from which deployment: the cases.

A deployment is a model of its own here. It speaks one wire format (or all), and either answers or always fails in one way;
so everything can be asked under one policy, and each client's program runs once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.clients.protocol import LIMIT_TOKENS
from tests.envoy.stack import Stack

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
EMBEDDINGS, COUNT_TOKENS = "/v1/embeddings", "/v1/messages/count_tokens"
SERVES = {
    "everything": f"endpoints: [{CHAT}, {EMBEDDINGS}, {RESPONSES}, {MESSAGES}]",
    "chat completions": f"endpoints: [{CHAT}]",
    "messages": "dialect: anthropic",
    "responses": f"endpoints: [{RESPONSES}]",
}
# By the endpoint that is called and what the deployment serves: the one it is asked at. No entry: it cannot be asked. "": it
# need not be, as the gateway answers by itself.
WIRES: Mapping[str, Mapping[str, str]] = {
    CHAT: {"everything": CHAT, "chat completions": CHAT, "messages": MESSAGES},
    RESPONSES: {"everything": RESPONSES, "chat completions": CHAT, "messages": MESSAGES, "responses": RESPONSES},
    MESSAGES: {"everything": MESSAGES, "chat completions": CHAT, "messages": MESSAGES},
    EMBEDDINGS: {"everything": EMBEDDINGS},
    COUNT_TOKENS: {"everything": "", "chat completions": "", "messages": COUNT_TOKENS},
}
FAULTS = {"well": None, "limited": "429", "refusing": "billed_error", "overloaded": "529"}  # by simulated deployment
ERRORS = {"429": "limited", "400": "refusing", "529": "overloaded"}
TALKS = ("answer", "stream", "tool call", "streamed tool call", "system prompt", "image", "usage", "limit", *ERRORS)
EMBEDS = ("answer", "usage", *ERRORS)
COUNTS = ("answer",)
_CASES = {EMBEDDINGS: EMBEDS, COUNT_TOKENS: COUNTS}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


Overloaded = Mapping[str, tuple[str, int]]  # by endpoint: exception and status for 529, which only Anthropic documents
_SDKS: Overloaded = {
    **dict.fromkeys((CHAT, RESPONSES, EMBEDDINGS), ("InternalServerError", 529)),
    MESSAGES: ("OverloadedError", 529),
}
_LITELLMS: Overloaded = {
    **dict.fromkeys((CHAT, RESPONSES, EMBEDDINGS), ("APIError", 529)),
    MESSAGES: ("InternalServerError", 500),
}


@dataclass(frozen=True, slots=True, eq=False)
class Client:
    """`program`: in tests/clients, or with `.mjs` in tests/node. `is_heavy`: it has an environment of its own."""

    name: str
    program: str
    endpoints: tuple[str, ...]
    is_heavy: bool = False
    overloaded: Overloaded = field(default_factory=lambda: _SDKS)
    words: Mapping[str, str] = field(default_factory=dict)  # by endpoint: whose stop reasons it tells, if not its own


_ALL = (CHAT, RESPONSES, MESSAGES, EMBEDDINGS)
CLIENTS = (
    Client("OpenAI SDK, Python", "openai_sdk", (CHAT, RESPONSES, EMBEDDINGS)),
    Client("OpenAI SDK, Node.js", "openai_matrix.mjs", (CHAT, RESPONSES, EMBEDDINGS)),
    Client("Anthropic SDK, Python", "anthropic_sdk", (MESSAGES, COUNT_TOKENS)),
    Client("LangChain", "langchain_models", _ALL, is_heavy=True),
    Client("LiteLLM", "litellm_client", _ALL, is_heavy=True, overloaded=_LITELLMS, words={MESSAGES: CHAT}),
)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    number: int
    client: Client
    endpoint: str
    serves: str
    name: str

    @property
    def deployment(self) -> str:
        return ERRORS.get(self.name, "well")

    @property
    def wire(self) -> str | None:
        """The endpoint it reaches the provider at; "": the gateway answers; None: by design it is refused."""
        return WIRES[self.endpoint].get(self.serves)

    @property
    def text(self) -> str:
        return f"Say hello {self.number}." + " Again!" * (LIMIT_TOKENS if self.name == "limit" else 0)

    def asked(self) -> dict[str, Any]:
        """As the programs read it."""
        return {
            "number": self.number,
            "endpoint": self.endpoint,
            "case": "error" if self.name in ERRORS else self.name,
            "model": model_name(self.serves, self.deployment),
            "text": self.text,
            "image": PIXEL if self.name == "image" else None,
        }


def all_cases() -> list[Case]:
    asked = (
        (client, endpoint, serves, name)
        for client in CLIENTS
        for endpoint in client.endpoints
        for serves in SERVES
        for name in _CASES.get(endpoint, TALKS)
    )
    return [Case(number, *each) for number, each in enumerate(asked, start=1000)]


def model_name(serves: str, deployment: str) -> str:
    return f"{serves.replace(' ', '-')}-{deployment}"


def use_deployments(stack: Stack) -> None:
    """Put the policy into force that has all the deployments, and have them fail as they shall."""
    providers = models = ""
    for serves, served in SERVES.items():
        for deployment in FAULTS:
            name, url = model_name(serves, deployment), f"http://127.0.0.1:{stack.ports.simulator}/{deployment}/v1"
            place = "credential: simulator-us, jurisdiction: US, tier: frontier"
            providers += f'  {name}: {{url: "{url}", {served}, {place}}}\n'
            models += f"  {name}: {{deployments: [{{provider: {name}, price: {{input: 0, output: 0}}}}]}}\n"
    for deployment, fault in FAULTS.items():
        stack.simulate(deployment, fault=fault)
    stack.use_policy(
        ("providers.yaml", "\nproviders:\n", f"\nproviders:\n{providers}"),
        ("models.yaml", "\nmodels:\n", f"\nmodels:\n{models}"),
    )
