"""Messaging, payment, mail, customers, documents, data bases and identity as a service."""

from __future__ import annotations

from gateway_ext.guard.secrets.family import UUID, Family

FAMILIES = (
    Family("slack_token", r"xox[abeoprs]-(?:[0-9]+-){1,4}(?P<body>[A-Za-z0-9]{8,256})", may_be_example=True),
    Family("slack_token", r"xoxe(?:\.xox[bp])?-[0-9]-[A-Za-z0-9]{50,512}|xox[cd]-[A-Za-z0-9%/+=-]{40,512}"),
    Family("slack_token", r"xapp-[0-9]-[A-Z0-9]{6,20}-[0-9]{6,20}-[0-9a-f]{64}"),
    Family(
        "slack_token",
        r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Z][A-Za-z0-9]{6,16}/[A-Za-z0-9]{6,20}/"
        r"(?P<body>[A-Za-z0-9]{20,64})",
    ),
    # No checksum is documented for Stripe's keys: prefix and length are all there is.
    Family("stripe_key", r"[sr]k_(?:live|test)_[A-Za-z0-9]{24,247}"),
    Family("stripe_key", r"whsec_[A-Za-z0-9+/]{32,64}={0,2}"),
    Family("twilio_key", r"(?:AC|SK)[0-9a-f]{32}"),
    Family("twilio_key", r"[0-9a-f]{32}", keyword="twilio"),
    Family("sendgrid_key", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", is_fixed=True),
    Family("mailgun_key", r"key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}"),
    Family("mailchimp_key", r"[0-9a-f]{32}-us[0-9]{1,2}|md-[A-Za-z0-9_-]{22}"),
    Family("brevo_key", r"x(?:keys|smtps)ib-[0-9a-f]{64}-[A-Za-z0-9]{16}", is_fixed=True),
    Family("postmark_token", UUID, keyword="postmark"),
    Family("resend_key", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}"),
    Family("shopify_token", r"shp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}", is_fixed=True),
    Family("square_oauth", r"sq0(?:atp-[A-Za-z0-9_-]{22}|csp-[A-Za-z0-9_-]{43})"),
    Family("square_oauth", r"EAAA[A-Za-z0-9_-]{60}"),
    Family("braintree_token", r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}", is_fixed=True),
    Family("paypal_secret", r"E[A-Za-z0-9_-]{79}", keyword="paypal"),
    # Two values in base64, of which the second has 32 bytes; form not documented by the provider. Newer keys end in 16
    # printable characters, which are part of the finding unless a quotation mark is among them.
    Family(
        "adyen_key",
        r"AQE[A-Za-z0-9+/]hm[c-f](?P<body>[A-Za-z0-9+/]{50,300})={0,2}-[A-Za-z0-9+/]{43}=(?:-[!#-&(-\[\]-_a-~]{16})?",
    ),
    Family("mollie_key", r"(?:live|test|access)_[A-Za-z0-9]{30,64}", keyword="mollie"),
    Family("plaid_token", rf"access-(?:sandbox|development|production)-{UUID}", is_fixed=True),
    Family("atlassian_token", r"ATATT3[A-Za-z0-9_=-]{100,300}"),
    Family("notion_token", r"ntn_[0-9]{11}[A-Za-z0-9]{35}", is_fixed=True),
    Family("notion_token", r"secret_[A-Za-z0-9]{43}", is_fixed=True),
    Family("linear_key", r"lin_(?:api|oauth)_[A-Za-z0-9]{40,64}"),
    Family("figma_token", r"fig[dopu][hr]?_[A-Za-z0-9_=-]{38,200}"),  # length not documented by the provider
    Family("airtable_token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", is_fixed=True),
    Family("asana_token", r"[12]/[0-9]{14,17}(?:/[0-9]{14,17})?:[0-9a-f]{32}"),
    Family("asana_token", r"0/(?P<body>[0-9a-f]{32})", keyword="asana"),
    Family("clickup_token", r"pk_[0-9]{6,10}_[A-Z0-9]{32}"),
    Family("contentful_token", r"CFPAT-[A-Za-z0-9_-]{43}", is_fixed=True),
    Family("typeform_token", r"tfp_[A-Za-z0-9_.=-]{59}"),
    Family("hubspot_token", rf"pat-(?:na|eu|ap)[0-9]-{UUID}", is_fixed=True),
    Family("intercom_token", r"dG9rO[A-Za-z0-9+/]{54,80}={0,2}"),
    Family("zendesk_token", r"[A-Za-z0-9]{40}", keyword="zendesk"),
    Family("okta_token", r"00[A-Za-z0-9_-]{40}", keyword="okta|ssws"),
    Family("auth0_secret", r"[A-Za-z0-9_-]{64}", keyword="auth0"),
    Family(
        "discord_token",
        r"[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.(?P<body>[A-Za-z0-9_-]{27,38})",
        may_be_example=True,
    ),
    Family(
        "discord_webhook",
        r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,80}",
    ),
    Family("telegram_token", r"[0-9]{8,10}:(?P<body>A[A-Za-z0-9_-]{34})"),
    Family(
        "teams_webhook",
        rf"https://[a-z0-9-]{{1,63}}\.(?:webhook\.)?office\.com/webhook(?:b2)?/{UUID}@{UUID}/[A-Za-z]{{1,32}}/[0-9a-f]{{32}}/{UUID}(?:/[A-Za-z0-9_-]{{1,64}})?",
    ),
    Family("facebook_token", r"EAA[A-Za-z0-9]{90,400}"),
    Family("twitter_token", r"A{21}(?P<body>[A-Za-z0-9%]{40,160})"),
    Family("dropbox_token", r"sl\.(?:u\.)?[A-Za-z0-9_-]{130,1500}"),
    Family("planetscale_token", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_-]{32,64}"),
    Family("supabase_key", r"sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{31,36}"),
    Family("neon_key", r"napi_[a-z0-9]{64}", is_fixed=True),  # form not documented by the provider
    Family("mongodb_atlas_key", r"mdb_sa_sk_[A-Za-z0-9_-]{40}"),
    Family("mongodb_atlas_key", UUID, keyword="atlas"),
    Family("algolia_key", r"[0-9a-f]{32}", keyword="algolia"),
    Family("mapbox_token", r"sk\.eyJ[A-Za-z0-9_-]{60,200}\.[A-Za-z0-9_-]{22}"),
    Family("segment_token", r"sgp_[A-Za-z0-9]{64}", is_fixed=True),
)
