from __future__ import annotations

import pytest

from gateway_ext.guard.views.view import views


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("key АKIА1234", "key AKIA1234"),  # Cyrillic А
        ("ΑΚIA1234", "AKIA1234"),  # Greek
        ("jеаnnе@example.fr", "jeanne@example.fr"),
        ("٤١١١ ١١١١ ١١١١ ١١١١", "4111 1111 1111 1111"),
        ("४१११ ११११ ११११ ११११", "4111 1111 1111 1111"),
        ("4О1З 5678", "4013 5678"),
        ("DЕІІ 5574", "DE11 5574"),
        ("4111–1111–1111–1111", "4111-1111-1111-1111"),
    ],
)
def test_look_alikes_are_read_as_ascii_and_map_back(text: str, reading: str) -> None:
    (view,) = [view for view in views(text) if view.text == reading]
    assert all(view.original(n, n + 1) == (n, n + 1) for n in range(len(text)))


@pytest.mark.parametrize(
    "text", ["Общинският съвет заседава.", "Το συμβούλιο συνεδρίασε.", "Die Straße – „schön“", "Եռամսյակ"]
)
def test_text_in_its_own_script_is_not_read(text: str) -> None:
    assert [view.text for view in views(text)] == [text]
