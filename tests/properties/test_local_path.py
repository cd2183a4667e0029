"""Whatever somebody writes into a link to the login, it leads to a page of ours, in the eyes of any reader of addresses."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from gateway_ext.console.relying_party import HOME, local_path

CONSOLE = "https://console.example.eu"
PARTS = st.sampled_from(
    ["/", "//", "\\", "\t", "\n", "\r", " ", ".", "..", "@", ":", "?", "#", "%2f", "evil.example", "https:", "x"]
)


@given(st.one_of(st.text(), st.lists(PARTS, max_size=8).map("".join)))
@example("//evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
@example("https:evil.example")
def test_it_leads_to_a_page_of_ours(text: str) -> None:
    path = local_path(text)
    assert path in {HOME, text}
    # As browsers do before they look for the host (WHATWG URL Standard, 'basic URL parser').
    seen = path.strip().replace("\t", "").replace("\n", "").replace("\r", "").replace("\\", "/")
    for read in (urlsplit(urljoin(CONSOLE, seen)).netloc, httpx.URL(CONSOLE).join(seen).netloc.decode()):
        assert read == "console.example.eu"


@given(st.from_regex(r"\A/[a-z0-9]{1,20}(/[a-z0-9_-]{1,20}){0,3}(\?[a-z]=[a-z0-9%]{1,9})?\Z"))
def test_pages_of_ours_are_kept(path: str) -> None:
    assert local_path(path) == path
