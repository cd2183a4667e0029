import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.standing.directives import EXPIRY_MARGIN_NANO, Directive, Measure, Scope, Target

REVOKED = Target(Measure.REVOKED, Scope.CREDENTIAL, "key-1")


@pytest.mark.parametrize(
    ("measure", "scope", "value", "issuer"),
    [
        (Measure.REVOKED, Scope.MODEL, "m", ""),
        (Measure.DISABLED, Scope.TEAM, "t", ""),
        (Measure.STOPPED, Scope.EVERYTHING, "all", ""),
        (Measure.STOPPED, Scope.MODEL, "", ""),
        (Measure.STOPPED, Scope.MODEL, "  ", ""),
        (Measure.STOPPED, Scope.MODEL, "a\nb", ""),
        (Measure.STOPPED, Scope.TEAM, "x" * 257, ""),
        (Measure.STOPPED, Scope.JURISDICTION, "de", ""),
        (Measure.STOPPED, Scope.PERSON, "ada", "company"),
        (Measure.DISABLED, Scope.PERSON, "ada", "\x1b[2J"),
    ],
)
def test_a_target_that_no_request_can_meet_is_refused(measure: Measure, scope: Scope, value: str, issuer: str) -> None:
    with pytest.raises(ConfigurationError):
        Target(measure, scope, value, issuer)


@pytest.mark.parametrize(
    ("actor", "reason", "expires"),
    [("", "r", 0), ("ops", "", 0), ("ops", "two\nlines", 0), ("ops", "x" * 201, 0), ("ops", "r", -1)],
)
def test_actor_and_reason_are_one_line_each(actor: str, reason: str, expires: int) -> None:
    with pytest.raises(ConfigurationError):
        Directive(REVOKED, actor, reason, 1, expires)


def test_only_revocations_expire() -> None:
    with pytest.raises(ConfigurationError):
        Directive(Target(Measure.STOPPED, Scope.CREDENTIAL, "key-1"), "ops", "r", 1, 2)


def test_a_revocation_outlives_its_credential_by_a_margin() -> None:
    ends = 1_000 * NANO
    directive = Directive(REVOKED, "ops", "lost laptop", 1, ends)
    assert not directive.is_over(ends + EXPIRY_MARGIN_NANO)
    assert directive.is_over(ends + EXPIRY_MARGIN_NANO + 1)


def test_without_an_end_it_holds_for_good() -> None:
    assert not Directive(REVOKED, "ops", "lost laptop", 1).is_over(2**62)


def test_a_target_reads_well() -> None:
    assert str(Target(Measure.STOPPED, Scope.EVERYTHING)) == "everything"
    assert str(Target(Measure.DISABLED, Scope.PERSON, "ada", "company")) == "person ada (issuer company)"
