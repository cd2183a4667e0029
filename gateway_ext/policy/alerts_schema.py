"""The shape of alerts in budgets.yaml: what is told of budgets, and to which channels."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from gateway_ext.alerts.rules import THRESHOLDS, TRAIL, Encryption
from gateway_ext.policy import fields
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import Section


class BudgetAlerts(Section):
    """What is absent is as in the file's `alerts`."""

    thresholds: fields.Percents | None = None
    forecast: bool | None = None
    channels: Annotated[tuple[fields.Name, ...], fields.DISTINCT] | None = None


class Webhook(Section):
    url: fields.HttpsUrl = Field(examples=["https://hooks.example.eu/budgets"])
    ca_file: fields.Line = ""


class Mail(Section):
    server: fields.Host = Field(examples=["smtp.example.eu"])
    encryption: Encryption = Field(default=Encryption.STARTTLS, strict=False)
    port: int | None = Field(default=None, ge=1, le=65_535)  # absent: 587 with starttls, 465 with tls
    login: bool = True
    ca_file: fields.Line = ""
    sender: fields.MailAddress = Field(alias="from", examples=["gateway@example.eu"])
    recipients: Annotated[tuple[fields.MailAddress, ...], fields.ONCE] = Field(
        alias="to", examples=["[finance@example.eu]"]
    )


class Alerts(Section):
    """`webhooks` and `mails` are the channels, which need distinct names."""

    thresholds: fields.Percents = THRESHOLDS
    forecast: bool = False
    webhooks: dict[fields.Name, Webhook] = Field(default_factory=dict)
    mails: dict[fields.Name, Mail] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_each_channel_once(self) -> Alerts:
        for name in self.webhooks:
            if name in self.mails:
                raise fault(f"has a webhook and a mail that are both called '{name}'; rename one")
        if TRAIL in self.webhooks or TRAIL in self.mails:
            raise fault(f"has a channel called '{TRAIL}', which is the audit trail; rename it")
        return self
