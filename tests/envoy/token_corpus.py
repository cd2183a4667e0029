"""Credentials that must not be taken, by what is wrong with them: the attacks on JSON Web Tokens that are known.

Sources: RFC 8725 (best current practices), RFC 7515 §4.1 and §10, RFC 7519 §7.2, and the CVEs that those answer to.
"""

from __future__ import annotations

import base64
import datetime
import json
import time
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from tests.envoy.forged_tokens import Forge, Sign, base64url

Headers = list[tuple[str, str]]
ELSEWHERE = "https://elsewhere.example/keys"


def corpus(forge: Forge, stranger: str) -> dict[str, Headers]:
    """The headers of each request. `stranger` is a good token that belongs on another interface."""
    tokens = {
        **forge.wrong_tokens(),
        **_headers_that_name_keys(forge),
        **_claims(forge),
        **_texts(forge),
        "of_the_other_interface": stranger,
    }
    return {**{name: bearer(token) for name, token in tokens.items()}, **_places(forge, stranger)}


def bearer(token: str) -> Headers:
    return [("authorization", f"Bearer {token}")]


def _headers_that_name_keys(forge: Forge) -> dict[str, str]:
    """Signed by the attacker, with a header that leads to the attacker's key, or away from any key."""
    own, jwk = forge.own_key()
    certificate = _certificate()

    def token(**header: Any) -> str:
        return forge.token(own, header=header)

    return {
        "jwk": token(jwk=jwk),
        "jwk_with_its_kid": token(jwk=jwk, kid=jwk["kid"]),
        "jku": token(jku=ELSEWHERE),
        "jku_of_ours_with_a_fragment": token(jku=f"https://idp.local@{ELSEWHERE.partition('//')[2]}#https://idp.local"),
        "x5u": token(x5u=ELSEWHERE),
        "x5c": token(x5c=[certificate], kid=None),
        "x5c_and_x5t": token(x5c=[certificate], **{"x5t#S256": base64url(bytes(32))}),
        "crit_unknown": token(crit=["b64"], b64=False),
        "crit_empty": token(crit=[]),
        "nested_content": token(cty="JWT"),
        "kid_path": token(kid="../../../../dev/null"),
        "kid_null_device": forge.token(forge.by_hmac(b""), header={"alg": "HS256", "kid": "/dev/null"}),
        "kid_url": token(kid=ELSEWHERE),
        "kid_sql": token(kid="x' UNION SELECT 'key"),
        "kid_command": token(kid="|/bin/true"),
        "kid_unicode": token(kid="clé-ключ-鍵"),
        "kid_look_alike": token(kid=forge.jwk["kid"].replace(forge.jwk["kid"][0], "а", 1)),
        "kid_with_a_null": token(kid=f"{forge.jwk['kid']}\0"),
        "kid_number": token(kid=1),
        "kid_list": token(kid=[forge.jwk["kid"]]),
        "kid_object": token(kid={"$ne": ""}),
        "kid_empty": token(kid=""),
        "kid_long": token(kid="k" * 20_000),
        "alg_lower_case": token(alg="eddsa"),
        "alg_list": token(alg=["EdDSA"]),
        "alg_missing": token(alg=None),
        "alg_null": forge.signed('{"alg":null}', json.dumps(forge.claims()), own),
        "alg_twice": forge.signed('{"alg":"EdDSA","alg":"none"}', json.dumps(forge.claims()), lambda _: b""),
        "alg_of_hmac_384": forge.token(forge.by_hmac(forge.public_pem), header={"alg": "HS384"}),
        "alg_of_hmac_512": forge.token(forge.by_hmac(forge.public_pem), header={"alg": "HS512"}),
        "alg_of_rsa_pss": forge.token(forge.by_rsa(), header={"alg": "PS256"}),
        "alg_es384": forge.token(forge.by_ecdsa(), header={"alg": "ES384"}),
        "ecdsa_of_zeros": forge.token(lambda _: bytes(64), header={"alg": "ES256"}),
        "eddsa_of_zeros": forge.token(lambda _: bytes(64)),
        "eddsa_malleable": forge.token(_malleable(forge.real)),
    }


def _claims(forge: Forge) -> dict[str, str]:
    """Signed by the real key, with claims that must not be taken, ambiguous ones included."""
    now, good = int(time.time()), forge.claims()
    header = json.dumps({"alg": "EdDSA", "kid": forge.jwk["kid"]})
    text = json.dumps(good)

    def with_also(*members: str) -> str:
        return forge.signed(header, f"{{{', '.join(members)}, {text[1:]}")

    aud = good["aud"]
    return {
        "aud_of_a_longer_name": forge.token(aud=f"{aud}-other"),
        "aud_of_a_shorter_name": forge.token(aud=aud[:-1]),
        "aud_in_capitals": forge.token(aud=aud.upper()),
        "aud_empty_list": forge.token(aud=[]),
        "aud_of_others": forge.token(aud=["a", "b"]),
        "aud_nested_list": forge.token(aud=[[aud]]),
        "aud_object": forge.token(aud={aud: True}),
        "aud_number": forge.token(aud=1),
        "aud_joined": forge.token(aud=f"{aud},other"),
        "iss_list": forge.token(iss=[good["iss"]]),
        "iss_empty": forge.token(iss=""),
        "iss_with_a_slash": forge.token(iss=f"{good['iss']}/"),
        "iss_in_capitals": forge.token(iss=good["iss"].upper()),
        "iss_look_alike": forge.token(iss=good["iss"].replace("e", "е", 1)),
        "iss_twice": with_also('"iss": "https://elsewhere.example"'),
        "aud_twice": with_also('"aud": "elsewhere"'),
        "sub_twice": with_also('"sub": "administrator"'),
        "exp_twice": with_also(f'"exp": {now - 900}'),
        "exp_zero": forge.token(exp=0),
        "exp_negative": forge.token(exp=-1),
        "exp_null": forge.signed(header, text.replace(f'"exp": {good["exp"]}', '"exp": null')),
        "exp_infinite": forge.signed(header, text.replace(f'"exp": {good["exp"]}', '"exp": 1e999')),
        "exp_beyond_64_bits": forge.token(exp=2**64 + now),
        "exp_beyond_63_bits": forge.token(exp=2**63 + now),
        "exp_largest": forge.token(exp=2**63 - 1),
        "exp_list": forge.token(exp=[now + 600]),
        "exp_text_of_a_number": forge.token(exp=str(now + 600)),
        "exp_a_minute_ago": forge.token(exp=now - 60),
        "nbf_in_a_minute": forge.token(nbf=now + 60),
        "nbf_text": forge.token(nbf="soon"),
        "nbf_far": forge.token(nbf=now + 10**9),
    }


def _texts(forge: Forge) -> dict[str, str]:
    """What is no compact serialization of a signed token (RFC 7515 §7.1), or more than one."""
    good = forge.token()
    head, payload, signature = good.split(".")
    none = base64url(b'{"alg":"none"}')
    direct = base64url(b'{"alg":"dir","enc":"A256GCM"}')
    to_a_key = base64url(b'{"alg":"RSA-OAEP","enc":"A128GCM"}')
    return {
        "jwe": f"{direct}..{base64url(bytes(12))}.{payload}.{base64url(bytes(16))}",
        "jwe_of_the_public_key": f"{to_a_key}.AAAA.AAAA.{payload}.AAAA",
        "unsigned": f"{none}.{payload}.",
        "unsigned_without_a_dot": f"{none}.{payload}",
        "unsigned_with_two_dots": f"{none}.{payload}..",
        "good_with_a_dot": f"{good}.",
        "good_with_a_fourth_part": f"{good}.{payload}",
        "good_with_a_part_before": f".{good}",
        "padded": f"{head}.{payload}.{signature}==",
        "standard_base64": f"{head}.{base64.b64encode(json.dumps(forge.claims() | {'x': '??>>'}).encode()).decode()}.AA",
        "json_serialization": json.dumps({"payload": payload, "protected": head, "signature": signature}),
        "blank_within": f"{head}. {payload}.{signature}",
        "tab_within": f"{head}.\t{payload}.{signature}",
        "twice_with_a_comma": f"{good},{good}",
        "twice_with_a_blank": f"{good} {good}",
        "quoted": f'"{good}"',
        "in_brackets": f"<{good}>",
        "percent_dots": good.replace(".", "%2E"),
        "signature_cut": f"{head}.{payload}.{signature[:-4]}",
        "signature_longer": f"{head}.{payload}.{signature}AAAA",
        "payload_not_an_object": forge.signed('{"alg":"EdDSA"}', '["iss"]'),
        "payload_empty": forge.signed('{"alg":"EdDSA"}', ""),
        "payload_cut": forge.signed('{"alg":"EdDSA"}', json.dumps(forge.claims())[:-1]),
        "payload_deep": forge.signed('{"alg":"EdDSA"}', '{"a":' * 2000 + "1" + "}" * 2000),
        "header_not_an_object": forge.signed("[]", json.dumps(forge.claims())),
    }


def _places(forge: Forge, stranger: str) -> Mapping[str, Headers]:
    """A good token where it does not belong, and good ones beside others."""
    good = forge.token()
    return {
        "nothing": [],
        "scheme_lower_case": [("authorization", f"bearer {good}")],
        "scheme_upper_case": [("authorization", f"BEARER {good}")],
        "scheme_missing": [("authorization", good)],
        "scheme_basic": [("authorization", f"Basic {good}")],
        "scheme_dpop": [("authorization", f"DPoP {good}")],
        "scheme_behind_another": [("authorization", f"Basic x, Bearer {good}")],
        "scheme_within_a_word": [("authorization", f"NotBearer {good}")],
        "scheme_twice": [("authorization", f"Bearer Bearer {good}")],
        "scheme_and_two_blanks": [("authorization", f"Bearer  {good}")],
        "scheme_and_a_tab": [("authorization", f"Bearer\t{good}")],
        "scheme_a_blank_and_a_tab": [("authorization", f"Bearer \t{good}")],
        "scheme_and_a_comma": [("authorization", f"Bearer ,{good}")],
        "scheme_and_a_colon": [("authorization", f"Bearer: {good}")],
        "key_with_a_scheme": [("x-api-key", f"Bearer {good}")],
        "key_and_more": [("x-api-key", f"{good}, {good}")],
        "cookie": [("cookie", f"access_token={good}")],
        "proxy_authorization": [("proxy-authorization", f"Bearer {good}")],
        "own_header": [("x-gateway-token", good), ("x-jwt-payload", good)],
        "two_in_one_header": [*bearer(good), *bearer(stranger)],
        "two_bad_one_last": [*bearer(good), *bearer("x.y.z")],
        "two_of_two_issuers": [*bearer(good), ("x-api-key", stranger)],
        "bad_key_beside": [*bearer(good), ("x-api-key", "sk-none")],
        "bad_bearer_beside": [("authorization", "Bearer x"), ("x-api-key", good)],
    }


def _malleable(sign: Sign) -> Sign:
    """The real signature with the group's order added to its scalar (RFC 8032 §5.1.7 forbids it)."""
    order = 2**252 + 27742317777372353535851937790883648493

    def malleable(signed: bytes) -> bytes:
        signature = sign(signed)
        scalar = int.from_bytes(signature[32:], "little") + order
        return signature[:32] + scalar.to_bytes(32, "little")

    return malleable


def _certificate() -> str:
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "elsewhere")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    return base64.b64encode(built.sign(key, None).public_bytes(Encoding.DER)).decode()
