from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.personal.names_model import PersonNames


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that knows two people and a town by rule."""
    pipeline = spacy.blank("xx")
    ruler: Any = pipeline.add_pipe("entity_ruler")
    people = [{"label": "PERSON", "pattern": "Jeanne Dupont"}, {"label": "PER", "pattern": "Østergård"}]
    ruler.add_patterns([*people, {"label": "LOC", "pattern": "Lyon"}, {"label": "PERSON", "pattern": "7"}])
    directory = tmp_path_factory.mktemp("models") / "people"
    pipeline.to_disk(directory)
    return directory


def test_people_are_found_in_each_text(model: Path) -> None:
    names = PersonNames(model)
    texts = ["", "Bonjour Jeanne Dupont de Lyon, 7", "nobody", "Østergård og Jeanne Dupont"]
    found = [
        [text[span.start : span.end] for _, span in spans]
        for text, spans in zip(texts, names.spans(texts), strict=True)
    ]
    assert found == [[], ["Jeanne Dupont"], [], ["Østergård", "Jeanne Dupont"]]
    assert [(kind.name, kind.data_class) for kind in names.kinds] == [("person_name", "personal")]


def test_places_in_long_texts(model: Path) -> None:
    text = "lorem ipsum " * 3000 + "Jeanne Dupont" + "x" * 25_000 + " Jeanne Dupont"
    (spans,) = PersonNames(model).spans([text])
    assert [text[span.start : span.end] for _, span in spans] == ["Jeanne Dupont"]  # the other one is glued to x
    assert spans[0][1].start == text.rindex("Jeanne")


def test_equal_names_have_one_normal_form(model: Path) -> None:
    (spans,) = PersonNames(model).spans(["Jeanne Dupont, Jeanne Dupont"])
    assert {span.value for _, span in spans} == {"jeanne dupont"}


def test_a_directory_without_a_pipeline(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not the directory of a spaCy pipeline"):
        PersonNames(tmp_path)
