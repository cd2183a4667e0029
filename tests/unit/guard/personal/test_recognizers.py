"""Positives and near misses of each kind, judged by the recognizer alone on a passage."""

from __future__ import annotations

import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType, example_number_for_type, format_number
from stdnum import iban, luhn

from gateway_ext.guard.personal.email import MailAddressRecognizer
from gateway_ext.guard.personal.iban import LENGTHS, PrintedIbanRecognizer
from gateway_ext.guard.personal.payment_card import PaymentCardRecognizer, has_issuer
from gateway_ext.guard.personal.phone import REGIONS, EuropeanPhoneRecognizer
from gateway_ext.guard.personal.recognizer import GuardRecognizer

EMAIL, IBAN = MailAddressRecognizer(), PrintedIbanRecognizer()
CARD, PHONE = PaymentCardRecognizer(), EuropeanPhoneRecognizer()

FRAMES = ("{}", "x {} y", "({})", "Voilà : {}.", "a\t{}\tb", "« {} », merci", "{}; {}")


def values(recognizer: GuardRecognizer, text: str) -> set[str]:
    return {text[start:end] for start, end, _ in recognizer.candidates(text)}


IBANS = (
    """
AD12 0001 2030 2003 5910 0100|AT61 1904 3002 3457 3201|BE68 5390 0754 7034|BG80 BNBG 9661 1020 3456 78
CH93 0076 2011 6238 5295 7|CY17 0020 0128 0000 0012 0052 7600|CZ65 0800 0000 1920 0014 5399
DE89 3704 0044 0532 0130 00|DK50 0040 0440 1162 43|EE38 2200 2210 2014 5685|ES91 2100 0418 4502 0005 1332
FI21 1234 5600 0007 85|FR14 2004 1010 0505 0001 3M02 606|GB82 WEST 1234 5698 7654 32|GR16 0110 1250 0000 0001 2300 695
HR12 1001 0051 8630 0016 0|HU42 1177 3016 1111 1018 0000 0000|IE29 AIBK 9311 5212 3456 78|IS14 0159 2600 7654 5510 7303 39
IT60 X054 2811 1010 0000 0123 456|LI21 0881 0000 2324 013A A|LT12 1000 0111 0100 1000|LU28 0019 4006 4475 0000
LV80 BANK 0000 4351 9500 1|MT84 MALT 0110 0001 2345 MTLC AST0 01S|NL91 ABNA 0417 1643 00|NO93 8601 1117 947
PL61 1090 1014 0000 0712 1981 2874|PT50 0002 0123 1234 5678 9015 4|RO49 AAAA 1B31 0075 9384 0000|SA03 8000 0000 6080 1016 7519
SE45 5000 0000 0583 9825 7466|SI56 2633 0001 2039 086|SK31 1200 0000 1987 4263 7541|TR33 0006 1005 1978 6457 8413 26
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


@pytest.mark.parametrize("printed", IBANS)
def test_ibans_in_print_compact_and_lower_case(printed: str) -> None:
    compact = printed.replace(" ", "")
    assert len(compact) == LENGTHS[compact[:2]]
    for form in (printed, compact, compact.lower(), printed.replace(" ", "-")):
        for frame in FRAMES:
            assert values(IBAN, frame.format(form, form)) == {form}


@pytest.mark.parametrize("printed", IBANS)
def test_ibans_with_wrong_check_digits(printed: str) -> None:
    wrong = f"{printed[:2]}{(int(printed[2:4]) + 1) % 97 + 2:02}{printed[4:]}"
    assert not iban.is_valid(wrong)
    assert values(IBAN, wrong) == set()


CARDS = [
    "4111 1111 1111 1111",  # Visa
    "4000 0566 5566 5556",
    "5555 5555 5555 4444",  # Mastercard
    "2223 0031 2200 3222",
    "3782 822463 10005",  # American Express
    "3714 496353 98431",
    "3056 930902 5904",  # Diners Club
    "3622 720627 1667",
    "6011 1111 1111 1117",  # Discover
    "3566 0020 2036 0505",  # JCB
    "6200 0000 0000 0005",  # UnionPay
    "6205 5000 0000 0000 004",
    "6759 6498 2643 8453",  # Maestro
    "5019 7170 1010 3742",  # Dankort
    "2200 0000 0000 0004",  # Mir
]


@pytest.mark.parametrize("printed", CARDS)
def test_cards_in_print_and_compact(printed: str) -> None:
    compact = printed.replace(" ", "")
    for form in (printed, compact, printed.replace(" ", "-")):
        for frame in FRAMES:
            assert values(CARD, frame.format(form, form)) == {form}
        assert values(CARD, f"{form} 12/27 123") == {form}


@pytest.mark.parametrize("printed", CARDS)
def test_cards_that_fail_luhn(printed: str) -> None:
    wrong = printed[:-1] + str((int(printed[-1]) + 1) % 10)
    assert values(CARD, wrong) == set()


@pytest.mark.parametrize(
    "text",
    [
        "1234 5678 9012 3452",  # Luhn holds, no issuer
        "1700000000000000000 ns",
        "4012888888881881a",
        "order 4006381333931",  # EAN-13
        "4111 1111 11111111",
        "ES91 2100 0418 4502 0005 1332",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "0.4111111111111111",
    ],
)
def test_not_cards(text: str) -> None:
    assert values(CARD, text) == set()


def test_thirteen_digits_need_the_word_card() -> None:
    assert luhn.is_valid("4222222222222")
    assert values(CARD, "ma carte 4222222222222") == {"4222222222222"}
    assert values(CARD, "article 4222222222222") == set()


@pytest.mark.parametrize(
    ("digits", "is_known"), [("4" * 16, True), ("51" + "0" * 14, True), ("51" + "0" * 13, False), ("9" * 16, False)]
)
def test_issuers(digits: str, is_known: bool) -> None:
    assert has_issuer(digits) is is_known


@pytest.mark.parametrize(
    "address",
    [
        "jeanne.dupont@example.fr",
        "j.d+tag@sub.domain.example.co.uk",
        "o'brien@example.ie",
        "user_1%x@bücher.example.de",
        "имя@почта.рф",
        "anna@rechner.internal",
        "noreply.jones@example.org",
        "1234+anna@users.noreply.example.org",
        "A@B.EU",
    ],
)
def test_mail_addresses(address: str) -> None:
    for frame in (*FRAMES, "<{}>", "mailto:{}", "'{}'", "email={}", "{}-Adresse", "{}:"):
        assert values(EMAIL, frame.format(address, address)) == {address}


def test_punycode_domains() -> None:
    assert values(EMAIL, "to info@example.xn--p1ai now") == {"info@example.xn--p1ai"}


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:org/repository.git",
        "Co-Authored-By: Robot <noreply@example.com>",
        "no-reply@example.org, No_Reply@example.org, do-not-reply@example.org, DoNotReply@example.org",
        "https://user:pass@example.com/path",
        "@decorator.call",
        "node@18.0.1",
        "icon@2x.png",
        "a@b",
        "x@y.notatld",
        "@user on example.com",
        "name @ example.com",
        "...@example.com",
    ],
)
def test_not_mail_addresses(text: str) -> None:
    assert values(EMAIL, text) == set()


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("kind", [PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE])
def test_phones_of_all_regions(region: str, kind: int) -> None:
    number = example_number_for_type(region, kind)
    assert number is not None
    international = format_number(number, PhoneNumberFormat.INTERNATIONAL)
    e164 = format_number(number, PhoneNumberFormat.E164)
    for form in (international, e164, "00" + international[1:], international.replace(" ", ".")):
        for frame in FRAMES:
            assert values(PHONE, frame.format(form, form)) == {form}
    national = format_number(number, PhoneNumberFormat.NATIONAL)
    for word in ("Tel.: ", "Téléphone portable : ", "my phone is ", "Handynummer ", "móvil "):
        for form in {national, national.replace(" ", "")}:
            assert values(PHONE, word + form) == {form}


@pytest.mark.parametrize(
    "text",
    [
        "06 12 34 56 78",
        "06.12.34.56.78",
        "030 12345678",
        "(030) 12345678",
        "030/12345678",
        "0121 234 5678",
        "070-123 45 67",
        "02 1234 5678",
    ],
)
def test_grouped_national_numbers_need_no_word(text: str) -> None:
    for frame in FRAMES:
        assert values(PHONE, frame.format(text, text)) == {text}


def test_two_numbers_in_a_row() -> None:
    assert values(PHONE, "06 12 34 56 78 06 98 76 54 32") == {"06 12 34 56 78", "06 98 76 54 32"}
    assert values(PHONE, "+33 (0)6 12 34 56 78") == {"+33 (0)6 12 34 56 78"}


@pytest.mark.parametrize("text", ["Bestellhotline {}", "mobil: {} / {}", "call me on (mobile) {} or {}", "telefón {}"])
def test_one_word_announces_all_numbers_that_follow(text: str) -> None:
    numbers = ["612345678", "612345679"][: text.count("{}")]
    assert values(PHONE, text.format(*numbers)) == set(numbers)


@pytest.mark.parametrize(
    "text",
    [
        "order 1234567890",
        "order 0815-4711-12",
        "12345678",
        "2026-03-02 10:15:42",
        "01.02.2024",
        "01.02.2024 10:30",
        "01/02/2024",
        "version 0.12.34.56",
        "1.2.3.4",
        "192.168.100.200",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "DE89 3704 0044 0532 0130 00",
        "4111 1111 1111 1111",
        "1 85 05 78 006 084 91",
        "FR 40 303 265 045",
        "ATU12345678",
        "ISBN 0-306-40615-2",
        "1 000 000 €",
        "0612345678",
        "+1000000000",
        "x+4930123456",
        "call me about order 4930123456",
        "Tel. zur Rechnung 4930123456",
        "Please tell me 4930123456",
        "10:15:00 30 123456 7",
        "telemetry at 10:15 counted 12 34",
        "0x0612345678",
    ],
)
def test_not_phones(text: str) -> None:
    assert values(PHONE, text) == set()


def test_normal_forms_make_equal_values_equal() -> None:
    assert IBAN.normalized("de89 3704 0044 0532 0130 00") == IBAN.normalized("DE89370400440532013000")
    assert CARD.normalized("4111-1111 1111 1111") == "4111111111111111"
    assert EMAIL.normalized("Jeanne@Example.FR") == "jeanne@example.fr"
    assert PHONE.normalized("+33 (0)6 12 34 56 78") == PHONE.normalized("0033612345678") == "+33612345678"
    assert PHONE.normalized("06.12.34.56.78") == "0612345678"
