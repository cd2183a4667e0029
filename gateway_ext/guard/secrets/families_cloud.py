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
    # Base64 of protocol buffers that all begin with the same fields.
    Family(
        "aws_session_token",
        r"(?:IQoJb3JpZ2lu|[FA]wo[GD]ZXIvYXdz|FQo[GD]ZXIvYXdz|[AF]QoDYXdz)[A-Za-z0-9/+=%]{80,4096}",
    ),
    Family("gcp_api_key", r"AIza[A-Za-z0-9_-]{35}", is_fixed=True),
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
    Family("upcloud_token", r"ucat_[A-Z0-9]{26}", is_fixed=True),
    Family("alibaba_key", r"LTAI[A-Za-z0-9]{12,20}"),
    Family("alibaba_key", r"[A-Za-z0-9]{30}", keyword="alibaba|aliyun|alicloud|ltai"),
    Family("tencent_key", r"AKID[A-Za-z0-9]{32}"),
    Family("tencent_key", r"[A-Za-z0-9]{32}", keyword="tencent|akid"),
    Family("ibm_cloud_key", r"[A-Za-z0-9_-]{44}", keyword="ibm|bluemix|watson"),
    Family("cloudflare_token", r"cf(?:k|ut|at)_[A-Za-z0-9_-]{40,60}"),
    Family("cloudflare_token", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),
    Family("cloudflare_token", r"[A-Za-z0-9_-]{40}|[0-9a-f]{37}", keyword="cloudflare|cf[_-]"),
    Family("fastly_token", r"[A-Za-z0-9_-]{32}", keyword="fastly"),
    Family("heroku_key", r"HRKU-[A-Za-z0-9_-]{36,64}"),
    Family("heroku_key", UUID, keyword="heroku"),
    Family("linode_token", r"[0-9a-f]{64}", keyword="linode"),
    Family("vercel_token", r"vc[paickr]_[A-Za-z0-9]{24,60}"),
    Family("vercel_token", r"vercel_blob_rw_[A-Za-z0-9]{16}_[A-Za-z0-9]{30,40}"),
    Family("vercel_token", r"[A-Za-z0-9]{24}", keyword="vercel"),
    Family("netlify_token", r"nfp_[A-Za-z0-9_-]{36}"),
    Family("netlify_token", r"[A-Za-z0-9_-]{43,46}", keyword="netlify"),
    Family("flyio_token", r"fm[12]r?_[A-Za-z0-9+/]{100,2000}={0,3}|fo1_[A-Za-z0-9_-]{43}"),
    Family("render_key", r"rnd_[A-Za-z0-9]{28,32}"),
    Family("yandex_key", r"AQVN[A-Za-z0-9_-]{35,38}|YC[A-Za-z0-9_-]{38}|y[0-3]_[A-Za-z0-9_-]{55,200}"),
    Family("yandex_key", r"t1\.[A-Za-z0-9_-]{40,1024}={0,2}\.[A-Za-z0-9_-]{86}={0,2}"),
)
