"""Steps that use secrets by reference: what leaves, what is kept, tokens that renew themselves."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from agentflow_tui.steps.plans import plan
from agentflow_tui.store.connection.database import Database
from agentflow_tui.vault.formats import SealedRow
from agentflow_tui.vault.keys import read_keyring
from agentflow_tui.vault.opening import open_row
from agentflow_tui.vault.sealing import NEW_FORMATS, seal_new
from tests.steps.services import Service, response, serving
from tests.workers.sending import ask
from tests.workers.workflows import add, built_in, in_status, running, step

KEYS = {"ENCRYPTION_KEY": "5b" * 32}
SECRET = 'pa$$ "word" 0815'


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with serving() as found:
        yield found


async def store(database: Database, label: str, data: Any, *, token: str | None = None) -> str:
    id_ = str(uuid4())
    row = SealedRow(id=id_, blob=None)
    sealed = seal_new(json.dumps(data).encode(), row, NEW_FORMATS["compatible"], read_keyring(KEYS))
    await database.execute(
        "INSERT INTO credentials (id, platform, label, encrypteddata, iv, active, refreshtoken)"
        " VALUES ($1, 'vauto', $2, $3, $4, true, $5)",
        id_, label, sealed.blob, sealed.iv, token,
    )  # fmt: skip
    return id_


async def stored(database: Database, id_: str) -> Any:
    [(blob, iv)] = await ask(
        database, "SELECT {credentials.encryptedData}, {credentials.iv} FROM {credentials}"
    )
    return open_row(SealedRow(id=id_, blob=blob, iv=iv), read_keyring(KEYS)).data


async def test_a_secret_leaves_for_its_service_and_stays_nowhere_else(
    database: Database, service: Service
) -> None:
    await store(database, "the dms", {"username": "u7", "password": SECRET})
    call = step(
        "call",
        "api",
        method="POST",
        url=f"{service.url}/echo",
        json={"secret": '{{credentials["the dms"].password}}', "as": "{{context.as}}"},
        headers={"X-Also": '{{credentials["the dms"].username}}'},
    )
    again = step(
        "again", "api", url=f"{service.url}/echo", query={"of": "{{steps.call.body.method}}"}
    )
    workflow = await add(database, [call, again], {"as": "x"})
    async with running(database, environ=KEYS):
        found = await in_status(database, workflow, "completed", "failed")
    assert found.status == "completed", found.last_error
    method, _, headers, body = service.requests[0]
    assert (method, headers["x-also"]) == ("POST", "u7")
    assert json.loads(body) == {"secret": SECRET, "as": "x"}
    journal = await ask(
        database, "SELECT {task_logs.input}::text, {task_logs.output}::text FROM {task_logs}"
    )
    for text in (found.text, *(each for row in journal for each in row)):
        assert SECRET not in str(text)
        assert json.dumps(SECRET)[1:-1] not in str(text)
    used = [json.loads(row[0]).get("secrets") for row in journal]
    assert ["credentials.the dms.username", "credentials.the dms.password"] in used or [
        "credentials.the dms.password",
        "credentials.the dms.username",
    ] in used


@pytest.mark.parametrize(
    ("type_", "config"),
    [
        ("email", {"to": "a@x.test", "subject": "s", "body": "{{credentials.dms.password}}"}),
        ("custom", {"operation": "{{credentials.dms}}"}),
        ("delay", {"until": "{{credentials.dms.password}}"}),
    ],
)
def test_a_secret_may_only_stand_in_what_is_sent_to_a_service(
    type_: str, config: dict[str, Any]
) -> None:
    [found] = plan(json.dumps([step("a", type_, **config)]), built_in()).steps
    assert "names a credential; only what is sent to a service may" in str(found.problem)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("gone", "'gone' is not there"),
        ("twice", "'twice' is not the only one"),
        ("shut", "'shut' stays shut"),
        ("open", "the credential has no 'nothing'"),
    ],
)
async def test_a_credential_that_cannot_be_used_is_a_sentence(
    database: Database, service: Service, label: str, said: str
) -> None:
    await store(database, "open", {"password": SECRET})
    for _ in range(2):
        await store(database, "twice", {"password": SECRET})
    await database.execute(
        "INSERT INTO credentials (id, label, encrypteddata, iv, active)"
        " VALUES (gen_random_uuid(), 'shut', 'AAAA', 'AAAA', true)"
    )
    url = f"{service.url}/?p={{{{credentials.{label}.nothing}}}}"
    workflow = await add(database, [step("a", "api", url=url)])
    async with running(database, environ=KEYS):
        found = await in_status(database, workflow, "failed", "completed")
    assert said in str(found.last_error)
    assert SECRET not in str(found.last_error)
    assert service.requests == []


def expired(service: Service, **more: Any) -> dict[str, Any]:
    past = datetime.now(UTC) - timedelta(hours=1)
    return {
        "accessToken": "old-access-token",
        "tokenUrl": f"{service.url}/token",
        "clientId": "me",
        "clientSecret": "client-secret-42",
        "expiresAt": past.isoformat(),
        **more,
    }


@pytest.mark.parametrize("place", ["column", "secret"])
async def test_a_token_renews_itself_once_whatever_the_number_of_workers(
    database: Database, service: Service, place: str
) -> None:
    fresh = {"access_token": "new-access-token", "refresh_token": "rt-2", "expires_in": 3600}
    service.answers["/token"] = response(200, json.dumps(fresh), "application/json")
    service.pauses["/token"] = 0.2
    data = expired(service, **({"refreshToken": "rt-1"} if place == "secret" else {}))
    id_ = await store(database, "dms", data, token="rt-1" if place == "column" else None)
    bearer = {"Authorization": "Bearer {{credentials.dms.accessToken}}"}
    call = step("a", "api", url=f"{service.url}/echo", headers=bearer)
    workflows = [await add(database, [call]) for _ in range(6)]
    async with running(database, environ=KEYS), running(database, environ=KEYS):
        for workflow in workflows:
            found = await in_status(database, workflow, "completed", "failed")
            assert found.status == "completed", found.last_error
    asked = [each for each in service.requests if each[1] == "/token"]
    assert len(asked) == 1
    assert b"grant_type=refresh_token&refresh_token=rt-1&client_id=me" in asked[0][3]
    used = {each[2]["authorization"] for each in service.requests if each[1] == "/echo"}
    assert used == {"Bearer new-access-token"}
    now_stored = await stored(database, id_)
    assert now_stored["accessToken"] == "new-access-token"
    [(column,)] = await ask(database, "SELECT {credentials.refreshToken} FROM {credentials}")
    assert (column or now_stored["refreshToken"]) == "rt-2"
    [(kept,)] = await ask(
        database, "SELECT string_agg({task_logs.input}::text, '') FROM {task_logs}"
    )
    assert "access-token" not in kept
    assert "client-secret-42" not in kept


async def test_a_sign_in_that_has_ended_asks_for_a_person(
    database: Database, service: Service
) -> None:
    refusal = json.dumps({"error": "invalid_grant"})
    service.answers["/token"] = response(400, refusal, "application/json")
    await store(database, "dms", expired(service), token="rt-1")
    url = f"{service.url}/echo?t={{{{credentials.dms.accessToken}}}}"
    workflows = [await add(database, [step("a", "api", url=url)]) for _ in range(2)]
    async with running(database, environ=KEYS):
        for workflow in workflows:
            found = await in_status(database, workflow, "failed", "completed")
            assert "The credential 'dms' needs a person to sign in to vauto again." in str(
                found.last_error
            )
    [(is_over,)] = await ask(
        database, "SELECT {credentials.refreshTokenExpiry} <= now() FROM {credentials}"
    )
    assert is_over
    assert len([each for each in service.requests if each[1] == "/token"]) == 1
    assert not [each for each in service.requests if each[1].startswith("/echo")]
