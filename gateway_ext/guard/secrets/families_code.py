"""Version control, continuous integration, package registries, and tools of operations."""

from __future__ import annotations

from gateway_ext.guard.secrets.checksums import has_bech32, has_crc32
from gateway_ext.guard.secrets.family import UUID, Family

FAMILIES = (
    # https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/
    Family("github_token", r"gh[pousr]_[A-Za-z0-9]{36}", checksum=has_crc32, is_fixed=True),
    Family("github_token", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}", is_fixed=True),
    # https://docs.gitlab.com/security/tokens/; a routable token has a length and a checksum after dots.
    Family(
        "gitlab_token",
        r"(?:gl(?:pat|dt|ft|soat|rtr?|ptt|agent|imt|oas|ffct|wt)-|glcbt-(?:[0-9a-fA-F]{1,5}_)?|GR1348941)"
        r"[A-Za-z0-9_-]{20,1024}(?:\.[0-9a-z]{2})?(?:\.[0-9a-z]{9})?",
    ),
    Family("bitbucket_token", r"ATBB[A-Za-z0-9]{24}[0-9A-F]{8}"),
    Family("bitbucket_token", r"ATCTT3[A-Za-z0-9_=-]{100,300}"),
    Family("gitea_token", r"[0-9a-f]{40}", keyword="gitea|forgejo|codeberg"),
    Family("circleci_token", r"CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[0-9a-f]{40}"),
    Family("circleci_token", r"[0-9a-f]{40}", keyword="circle.?ci|circle.?token"),
    Family("travis_token", r"[A-Za-z0-9_-]{22}", keyword="travis"),
    Family("buildkite_token", r"bkua_[0-9a-f]{40}", is_fixed=True),
    Family("harness_token", r"(?:pat|sat)\.[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}", is_fixed=True),
    Family("npm_token", r"npm_[A-Za-z0-9]{36}", checksum=has_crc32, is_fixed=True),
    Family(
        "npm_config_auth",
        rf":_(?:authToken|password|auth)[ \t]{{0,4}}=[ \t]{{0,4}}[\"']?(?P<secret>{UUID}|[A-Za-z0-9_+/=-]{{16,512}})",
        may_be_example=True,
    ),
    # https://warehouse.pypa.io/development/token-scanning.html: macaroons of pypi.org and test.pypi.org.
    Family("pypi_token", r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{70,1024}"),
    Family("rubygems_key", r"rubygems_[0-9a-f]{48}", is_fixed=True),
    Family("crates_io_token", r"cio[A-Za-z0-9]{32}", entropy_min_bits=3.0),
    Family("nuget_key", r"oy2[a-z0-9]{43}"),
    Family("dockerhub_token", r"dckr_(?:pat_[A-Za-z0-9_-]{27}|oat_[A-Za-z0-9_-]{32})"),
    Family("clojars_token", r"CLOJARS_[0-9a-z]{60}", is_fixed=True),
    Family("terraform_token", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}"),
    Family("pulumi_token", r"pul-[0-9a-f]{40}", is_fixed=True),
    Family("sentry_token", r"sntrys_eyJ[A-Za-z0-9+/=_-]{60,1024}"),
    Family("sentry_token", r"sntryu_[0-9a-f]{64}"),
    Family("sonar_token", r"sq[apu]_[0-9a-f]{40}", is_fixed=True),
    Family("artifactory_token", r"AKCp[A-Za-z0-9]{68,70}|cmVmdGtuO[A-Za-z0-9]{55}"),
    Family("snyk_token", UUID, keyword="snyk"),
    Family("codecov_token", UUID, keyword="codecov"),
    Family("vault_token", r"hv[bsr]\.[A-Za-z0-9_-]{24,300}"),
    Family("doppler_token", r"dp\.(?:pt|ct|st|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    Family(
        "age_secret_key", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", checksum=has_bech32, is_fixed=True
    ),
    Family("onepassword_token", r"ops_eyJ[A-Za-z0-9+/_-]{200,4096}={0,2}"),
    Family("bitwarden_token", rf"0\.{UUID}\.[A-Za-z0-9]{{30}}:[A-Za-z0-9+/]{{22}}==", is_fixed=True),
    Family("tailscale_key", r"tskey-[a-z]{3,8}-[A-Za-z0-9]{8,20}-[A-Za-z0-9]{20,40}"),
    Family("prefect_key", r"pn[ub]_[A-Za-z0-9]{36}", is_fixed=True),
    Family("postman_key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", is_fixed=True),
    Family("sourcegraph_token", r"sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}", is_fixed=True),
    Family("grafana_token", r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}"),
    Family("grafana_token", r"glc_eyJ[A-Za-z0-9+/]{32,400}={0,3}"),
    # Licence keys of the European region begin with `eu01xx`.
    Family("newrelic_key", r"NRAK-[A-Z0-9]{27}|NRI[IQ]-[A-Za-z0-9_-]{32}|(?:eu01xx[0-9a-f]{30}|[0-9a-f]{36})NRAL"),
    Family("datadog_key", r"[0-9a-f]{32}|[0-9a-f]{40}", keyword="datadog|dd[_-]"),
    Family("dynatrace_token", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}", is_fixed=True),
    Family("pagerduty_key", r"[A-Za-z0-9+_-]{20}|[0-9a-f]{32}", keyword="pager.?duty"),
    Family("launchdarkly_key", rf"(?:sdk|api)-{UUID}"),
    Family("posthog_key", r"ph[arsx]_[A-Za-z0-9]{40,48}"),
)
