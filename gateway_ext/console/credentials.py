"""`/credentials`: everybody's, to read and to revoke; `/service-credentials`: those of services, to mint and to rotate."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from gateway_ext.console import routes
from gateway_ext.console.authentication import require
from gateway_ext.console.change import Change, Changes, KeyedChanges
from gateway_ext.console.context import console_of
from gateway_ext.console.credential_shapes import (
    ClassName,
    CredentialMinted,
    CredentialPage,
    CredentialShown,
    Rotation,
    ServiceWish,
    StateName,
)
from gateway_ext.console.fields import Because
from gateway_ext.console.minting import Desk
from gateway_ext.console.pagination import PageWanted, link
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.console.problems import FieldError, Invalid
from gateway_ext.credentials.certificates import thumbprint_of
from gateway_ext.credentials.credential import Binding, Credential, Owner, State
from gateway_ext.credentials.minting import Asked, nano_units
from gateway_ext.credentials.sqlite_store import Which
from gateway_ext.exchange import CredentialClass

PATH = f"{routes.PREFIX}/credentials"
router = routes.router("credentials")

Reader = Annotated[Person, Depends(require(Permission.CREDENTIALS_READ))]
Revoker = Annotated[Change, Depends(Changes(Permission.CREDENTIALS_REVOKE))]
Minter = Annotated[Change, Depends(KeyedChanges(Permission.SERVICES_MINT))]
Identity = Annotated[str, Path(max_length=64, description="As lists show it.")]


@router.get("/credentials", operation_id="list_credentials", summary="Everybody's credentials, oldest first")
async def list_all(
    request: Request,
    response: Response,
    person: Reader,
    asked: PageWanted,
    subject: Annotated[str | None, Query(max_length=256)] = None,
    class_: Annotated[ClassName | None, Query(alias="class")] = None,
    state: StateName | None = None,
) -> CredentialPage:
    desk = Desk(console_of(request).settings, person, PATH)

    credential_class = None if class_ is None else CredentialClass(class_)
    which = Which(credential_class, subject, None if state is None else State(state))
    page = await asyncio.to_thread(desk.listed, which, asked)
    response.headers.update(link(PATH, dict(request.query_params), page.next))
    return CredentialPage(items=list(page.items), next=page.next)


@router.get("/credentials/{credential_id}", operation_id="read_credential", summary="Anybody's credential")
async def read_one(request: Request, person: Reader, credential_id: Identity) -> CredentialShown:
    desk = Desk(console_of(request).settings, person, PATH)
    return await asyncio.to_thread(lambda: desk.shown(desk.get(credential_id, _any)))


@router.post(
    "/credentials/{credential_id}/revocation",
    operation_id="revoke_credential",
    summary="Have anybody's credential refused from now on",
    response_model=CredentialShown,
)
async def revoke(change: Revoker, credential_id: Identity, because: Because) -> JSONResponse:
    desk = Desk(change.console.settings, change.person, PATH, because.reason)
    return await change.once(lambda: desk.revoke(desk.get(credential_id, _any)))


@router.post(
    "/service-credentials",
    operation_id="mint_service_credential",
    summary="Mint a service's credential, bound to its client certificate; its token is shown this once",
    status_code=201,
    response_model=CredentialMinted,
)
async def mint(change: Minter, wish: ServiceWish) -> JSONResponse:
    desk, policy = Desk(change.console.settings, change.person, PATH), change.console.policy.current()
    asked = Asked(
        credential_class=CredentialClass.SERVICE,
        name=wish.name,
        owner=Owner(
            subject=wish.service,
            team=wish.team,
            groups=tuple(wish.groups),
            project=wish.project,
            application=wish.service if wish.application is None else wish.application,
            environment=wish.environment,
        ),
        purpose=wish.purpose,
        days=wish.days,
        models=None if wish.models is None else tuple(wish.models),
        binding=Binding(wish.client_uri, _thumbprint(wish.client_certificate)),
        budget_nano=None if wish.budget is None else nano_units(wish.budget),
    )
    return await change.once(lambda: desk.mint(asked, policy))


@router.post(
    "/service-credentials/{credential_id}/rotation",
    operation_id="rotate_service_credential",
    summary="Mint a successor of a service's credential; the old one ends after an overlap",
    status_code=201,
    response_model=CredentialMinted,
)
async def rotate(change: Minter, credential_id: Identity, rotation: Rotation) -> JSONResponse:
    desk, policy = Desk(change.console.settings, change.person, PATH), change.console.policy.current()
    return await change.once(lambda: desk.rotate(desk.get(credential_id, _of_a_service), rotation, policy))


def _thumbprint(certificate: str | None) -> str:
    if certificate is None:
        return ""
    try:
        return thumbprint_of(certificate.encode())
    except ValueError:
        raise Invalid(errors=[FieldError("/client_certificate", "must be a certificate in PEM")]) from None


def _any(_: Credential) -> bool:
    return True


def _of_a_service(credential: Credential) -> bool:
    return credential.credential_class is CredentialClass.SERVICE
