from gateway_ext.subjects.subject import KEY_BYTES, Subject, erased_name, is_pseudonym, new_subject


def test_neither_pseudonym_nor_key_follows_from_the_name() -> None:
    first, second = new_subject("ada"), new_subject("ada")
    assert first.pseudonym != second.pseudonym
    assert first.key != second.key
    assert len(first.key) == KEY_BYTES
    assert is_pseudonym(first.pseudonym)
    assert not is_pseudonym("ada")


def test_neither_name_nor_key_is_shown() -> None:
    subject = new_subject("ada@example.eu")
    assert "ada" not in repr(subject)
    assert repr(subject.key) not in repr(subject)


def test_what_is_keyed_is_the_same_for_one_person_only() -> None:
    ada, eva = new_subject("ada"), new_subject("eva")
    assert ada.keyed("text") == ada.keyed("text") != ada.keyed("other")
    assert ada.keyed("text") != eva.keyed("text")
    assert len(ada.keyed("text")) == 32


def test_an_erased_name_belongs_to_one_pseudonym() -> None:
    assert erased_name("pseudonym-" + "ab" * 16) == "erased-" + "ab" * 16
    assert erased_name(new_subject("ada").pseudonym) != erased_name(new_subject("ada").pseudonym)


def test_a_subject_can_be_looked_up_by_its_value() -> None:
    assert hash(Subject("p", "n", b"k")) == hash(Subject("p", "n", b"k"))
