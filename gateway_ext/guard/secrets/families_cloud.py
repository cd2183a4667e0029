"""Clouds and hosting."""

from __future__ import annotations

from gateway_ext.guard.secrets.family import UUID, Family

FAMILIES = (
    Family(
        "aws_key",
        r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z2-7]{16}",
        entropy_min_bits=3.0,
        is_fixed=True,
        may_be_example=True,
    ),
    Family(
        "aws_secret_key", r"[A-Za-z0-9/+]{40}", keyword="aws|amazon|secret.?access.?key|AKIA|ASIA", entropy_min_bits=3.5
    ),
    # Keys of Amazon Bedrock: long-lived ones, and short-lived ones, which are signed addresses in base64.
    Family("aws_secret_key", r"ABSK[A-Za-z0-9+/]{109,269}={0,2}"),
    Family("aws_session_token", r"bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[A-Za-z0-9+/=_-]{80,4096}"),
    # Base64 of protocol buffers that all begin with the same fields.
    Family(
        "aws_session_token",
        r"(?:IQoJb3JpZ2lu|[FA]wo[GD]ZXIvYXdz|FQo[GD]ZXIvYXdz|[AF]QoDYXdz)[A-Za-z0-9/+=%]{80,4096}",
    ),
    Family("gcp_api_key", r"AIza[A-Za-z0-9_-]{35}", is_fixed=True),
    Family("gcp_api_key", r"AQ\.Ab8RN6[A-Za-z0-9_-]{44}", is_fixed=True),  # newer ones of Gemini
    Family("gcp_service_account", r"""private_key_id\\?["'][ \t]{0,4}:[ \t]{0,4}\\?["'](?P<secret>[0-9a-f]{40})"""),
    Family("google_oauth_secret", r"GOCSPX-[A-Za-z0-9_-]{28}", is_fixed=True),
    Family("google_oauth_token", r"ya29\.[A-Za-z0-9_-]{20,2048}"),
    Family("google_oauth_token", r"1//0[0-9a-z][A-Za-z0-9_-]{40,200}"),
    Family("azure_storage_key", r"AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)", may_be_example=True),
    Family("azure_storage_key", r"[A-Za-z0-9+/]{86}==", keyword="azure|cosmos|storage|account.?key|[_-]blob"),
    Family("azure_client_secret", r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{30,33}[A-Za-z0-9_~-]"),
    Family("azure_sas_token", r"sig=(?P<secret>[A-Za-z0-9%+/]{43,80}(?:=|%3[Dd]))"),
    Family("azure_shared_access_key", r"SharedAccessKey=(?P<secret>[A-Za-z0-9+/]{43}=)"),
    Family("azure_devops_token", r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"),
    Family("azure_openai_key", r"[0-9a-f]{32}|[A-Za-z0-9]{84}", keyword="azure.?openai|openai\\.azure|cognitive"),
    Family("digitalocean_token", r"do[opr]_v1_[0-9a-f]{64}", is_fixed=True),
    Family("scaleway_key", r"SCW[A-Z0-9]{17}"),
    Family("scaleway_key", UUID, keyword="scw|scaleway"),
    Family("ovh_key", r"[A-Za-z0-9]{32}|[0-9a-f]{16}", keyword="ovh"),
    Family("hetzner_token", r"[A-Za-z0-9]{64}", keyword="hetzner|hcloud"),
    Family("exoscale_key", r"EXO[0-9a-f]{24}"),
    Family("exoscale_key", r"[A-Za-z0-9_-]{43}", keyword="exoscale"),
    # https://upcloud.com/docs/guides/getting-started-upcloud-api/; a ULID follows.
    Family("upcloud_token", r"ucat_[0-7][0-9A-HJKMNP-TV-Z]{25}", is_fixed=True),
    Family("alibaba_key", r"LTAI[A-Za-z0-9]{12,21}"),
    Family("alibaba_key", r"[A-Za-z0-9]{30}", keyword="alibaba|aliyun|alicloud|ltai"),
    Family("tencent_key", r"AKID[A-Za-z0-9]{32}"),
    Family("tencent_key", r"[A-Za-z0-9]{32}", keyword="tencent|akid"),
    Family("ibm_cloud_key", r"[A-Za-z0-9_-]{42,44}", keyword="ibm|bluemix|watson"),
    # https://developers.cloudflare.com/fundamentals/api/get-started/token-formats/: 40 characters and a checksum, which
    # has eight and is not described.
    Family("cloudflare_token", r"cf(?:k|ut|at|ast)_[A-Za-z0-9]{48}"),
    Family("cloudflare_token", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),
    Family("cloudflare_token", r"[A-Za-z0-9_-]{40}|[0-9a-f]{37}", keyword="cloudflare|cf[_-]"),
    Family("fastly_token", r"[A-Za-z0-9_-]{32}", keyword="fastly"),
    Family("heroku_key", rf"HRKU-(?:[A-Za-z0-9_-]{{60}}|{UUID})"),
    Family("heroku_key", UUID, keyword="heroku"),
    Family("linode_token", r"[0-9a-f]{64}", keyword="linode"),
    # https://vercel.com/changelog/new-token-formats-and-secret-scanning, which documents no checksum.
    Family("vercel_token", r"vc[paikr]_[A-Za-z0-9_-]{56}"),
    Family("vercel_token", r"vercel_blob_rw_[A-Za-z0-9]{16}_[A-Za-z0-9]{30,40}"),
    Family("vercel_token", r"[A-Za-z0-9]{24}", keyword="vercel"),
    Family("netlify_token", r"nfp_[A-Za-z0-9_-]{36,48}"),  # length not documented by the provider
    Family("netlify_token", r"[A-Za-z0-9_-]{40,46}", keyword="netlify"),
    # Macaroons, several of which `FlyV1` may join by commas: https://github.com/superfly/macaroon.
    Family("flyio_token", r"(?:fm1[ar]|fm2)_[A-Za-z0-9+/]{100,2000}={0,3}|fo1_[A-Za-z0-9_-]{43}"),
    Family("render_key", r"rnd_[A-Za-z0-9]{28}", entropy_min_bits=3.5),  # length not documented by the provider
    # https://gitlab.com/gitlab-org/gitlab/-/issues/353039, from the provider: IAM token and cookie, API key.
    Family("yandex_key", r"[ct]1\.[A-Za-z0-9_-]{40,1024}={0,2}\.[A-Za-z0-9_-]{86}={0,2}"),
    Family("yandex_key", r"AQVN[A-Za-z0-9_-]{35,38}"),
    Family("yandex_key", r"YC[A-Za-z0-9_-]{38}", keyword="yandex|yc[_-]"),
    Family("yandex_key", r"y[0-3]_[A-Za-z0-9_-]{55,200}"),  # OAuth; length not documented by the provider
)
