"""The HTTP interface, as clients of Confluent's registry see it."""

import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from infra.embedded.registry.app import BODY_LIMIT_BYTES, CONTENT_TYPE, create_app
from infra.embedded.registry.service import Registry
from infra.embedded.registry.store import Store
from schemas.settings import RegistrySettings

pytestmark = pytest.mark.asyncio
Client = TestClient[Any, Any]


def _body(*fields: dict[str, Any], name: str = "R") -> dict[str, str]:
    return {"schema": json.dumps({"type": "record", "name": name, "fields": list(fields)})}


V1 = _body({"name": "a", "type": "long"})
V2 = _body({"name": "a", "type": "long"}, {"name": "b", "type": "string", "default": ""})
BROKEN = _body({"name": "a", "type": "string"})


async def _start(folder: Path, settings: RegistrySettings) -> Client:
    app = create_app(Registry(Store(folder / "registry.json")), settings)
    client: Client = TestClient(TestServer(app))
    await client.start_server()
    return client


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    started = await _start(tmp_path, RegistrySettings())
    yield started
    await started.close()


async def _ask(client: Client, method: str, path: str, body: object = None) -> tuple[int, Any]:
    data = None if body is None else io.BytesIO(json.dumps(body).encode())
    async with client.request(method, path, data=data, headers={"Content-Type": CONTENT_TYPE}) as answer:
        assert answer.content_type == CONTENT_TYPE
        return answer.status, json.loads(await answer.read())


async def _code(client: Client, method: str, path: str, body: object = None) -> tuple[int, int]:
    status, answer = await _ask(client, method, path, body)
    assert answer["message"]
    return status, answer["error_code"]


async def test_register_and_read_back(client: Client) -> None:
    status, first = await _ask(client, "POST", "/subjects/s/versions", V1)
    assert status == 200
    second = (await _ask(client, "POST", "/subjects/s/versions", V2))[1]
    assert first["id"] != second["id"]
    assert (await _ask(client, "POST", "/subjects/s/versions", V1))[1] == first, "again: the same version"
    assert (await _ask(client, "GET", f"/schemas/ids/{first['id']}"))[1] == V1
    assert (await _ask(client, "GET", f"/schemas/ids/{first['id']}/schema"))[1] == json.loads(V1["schema"])
    latest = (await _ask(client, "GET", "/subjects/s/versions/latest"))[1]
    assert latest == {"subject": "s", "version": 2, "id": second["id"]} | V2
    assert (await _ask(client, "GET", "/subjects/s/versions/-1"))[1] == latest
    assert (await _ask(client, "POST", "/subjects/s", V2))[1] == latest
    assert (await _ask(client, "GET", "/subjects/s/versions"))[1] == [1, 2]
    assert (await _ask(client, "GET", "/subjects/s/versions/1/schema"))[1] == json.loads(V1["schema"])
    assert (await _ask(client, "GET", "/subjects/s/versions/1/referencedby"))[1] == []


async def test_a_schema_has_one_id_in_all_subjects(client: Client) -> None:
    ids = {
        (await _ask(client, "POST", f"/subjects/{name}/versions", V1))[1]["id"]
        for name in ("a", "b%2Fc", "z")
    }
    (id_,) = ids
    assert (await _ask(client, "GET", "/subjects"))[1] == ["a", "b/c", "z"]
    assert (await _ask(client, "GET", "/subjects?subjectPrefix=b"))[1] == ["b/c"]
    assert (await _ask(client, "GET", f"/schemas/ids/{id_}/subjects"))[1] == ["a", "b/c", "z"]
    uses = (await _ask(client, "GET", f"/schemas/ids/{id_}/versions"))[1]
    assert uses == [{"subject": name, "version": 1} for name in ("a", "b/c", "z")]
    assert [each["subject"] for each in (await _ask(client, "GET", "/schemas"))[1]] == ["a", "b/c", "z"]


async def test_what_old_data_could_not_be_read_with_is_409(client: Client) -> None:
    await _ask(client, "POST", "/subjects/s/versions", V1)
    status, answer = await _ask(client, "POST", "/subjects/s/versions", BROKEN)
    assert (status, answer["error_code"]) == (409, 409)
    assert "/fields/a/: long cannot be read as string" in answer["message"]
    assert (await _ask(client, "GET", "/subjects/s/versions"))[1] == [1]
    assert (await _ask(client, "PUT", "/config/s", {"compatibility": "NONE"}))[1] == {"compatibility": "NONE"}
    assert (await _ask(client, "POST", "/subjects/s/versions", BROKEN))[0] == 200


async def test_compatibility_is_asked_without_registering(client: Client) -> None:
    await _ask(client, "POST", "/subjects/s/versions", V1)
    for version in ("latest", "1"):
        path = f"/compatibility/subjects/s/versions/{version}"
        assert (await _ask(client, "POST", path, V2))[1] == {"is_compatible": True}
        verbose = (await _ask(client, "POST", path + "?verbose=true", BROKEN))[1]
        assert not verbose["is_compatible"]
        assert verbose["messages"]
    assert (await _ask(client, "POST", "/compatibility/subjects/s/versions", V2))[1] == {
        "is_compatible": True
    }
    assert (await _ask(client, "GET", "/subjects/s/versions"))[1] == [1]
    assert await _code(client, "POST", "/compatibility/subjects/s/versions/2", V1) == (404, 40402)
    assert await _code(client, "POST", "/compatibility/subjects/none/versions/latest", V1) == (404, 40401)


async def test_levels(client: Client) -> None:
    assert (await _ask(client, "GET", "/config"))[1] == {"compatibilityLevel": "BACKWARD"}
    assert await _code(client, "GET", "/config/s") == (404, 40408)
    assert (await _ask(client, "GET", "/config/s?defaultToGlobal=true"))[1] == {
        "compatibilityLevel": "BACKWARD"
    }
    assert await _code(client, "PUT", "/config", {"compatibility": "SIDEWAYS"}) == (422, 42203)
    assert (await _ask(client, "PUT", "/config", {"compatibility": "full"}))[1] == {"compatibility": "FULL"}
    assert (await _ask(client, "GET", "/config"))[1] == {"compatibilityLevel": "FULL"}
    await _ask(client, "PUT", "/config/s", {"compatibility": "NONE"})
    assert (await _ask(client, "DELETE", "/config/s"))[1] == {"compatibilityLevel": "NONE"}
    assert await _code(client, "GET", "/config/s") == (404, 40408)
    assert (await _ask(client, "GET", "/subjects"))[1] == [], "a level makes no subject"


async def test_what_is_the_same_for_all(client: Client) -> None:
    assert (await _ask(client, "GET", "/"))[1] == {}
    assert (await _ask(client, "GET", "/schemas/types"))[1] == ["AVRO"]
    assert (await _ask(client, "GET", "/mode"))[1] == {"mode": "READWRITE"}
    assert (await _ask(client, "GET", "/mode/s"))[1] == {"mode": "READWRITE"}


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/schemas/ids/1", None, (404, 40403)),
        ("GET", "/schemas/ids/x", None, (404, 40403)),
        ("GET", "/schemas/ids/99999999999999999999", None, (404, 40403)),
        ("GET", "/schemas/ids/²", None, (404, 40403)),
        ("GET", "/subjects/none/versions", None, (404, 40401)),
        ("GET", "/subjects/none/versions/1", None, (404, 40401)),
        ("GET", "/subjects/s/versions/9", None, (404, 40402)),
        ("GET", "/subjects/s/versions/0", None, (422, 42202)),
        ("GET", "/subjects/s/versions/first", None, (422, 42202)),
        ("POST", "/subjects/none", V1, (404, 40401)),
        ("POST", "/subjects/s", V2, (404, 40403)),
        ("POST", "/subjects/s/versions", {"schema": "nonsense"}, (422, 42201)),
        ("POST", "/subjects/s/versions", {"schema": 7}, (422, 42201)),
        ("POST", "/subjects/s/versions", {}, (422, 42201)),
        ("POST", "/subjects/s/versions", V1 | {"schemaType": "PROTOBUF"}, (422, 42201)),
        ("POST", "/subjects/s/versions", V1 | {"references": [{"name": "x"}]}, (422, 42201)),
        ("POST", "/subjects/s/versions", [], (400, 400)),
        ("POST", "/subjects/s/versions", {"schema": "x" * BODY_LIMIT_BYTES}, (413, 413)),
        ("DELETE", "/subjects/s", None, (405, 405)),
        ("DELETE", "/subjects/s?permanent=true", None, (405, 405)),
        ("DELETE", "/subjects/s/versions/1", None, (405, 405)),
        ("PUT", "/mode", {"mode": "IMPORT"}, (405, 405)),
        ("GET", "/nowhere", None, (404, 404)),
        ("PATCH", "/subjects", None, (405, 405)),
    ],
)
async def test_refusals(
    client: Client, method: str, path: str, body: object, expected: tuple[int, int]
) -> None:
    await _ask(client, "POST", "/subjects/s/versions", V1)
    assert await _code(client, method, path, body) == expected
    assert (await _ask(client, "GET", "/subjects/s/versions"))[1] == [1]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_json_is_400(client: Client, body: bytes) -> None:
    async with client.post("/subjects/s/versions", data=body) as answer:
        assert answer.status == 400


def _basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


async def test_credentials_are_asked_for_where_set(tmp_path: Path) -> None:
    settings = RegistrySettings(username="u", password=SecretStr("pä"), token=SecretStr("t"))
    client = await _start(tmp_path, settings)
    basic = _basic("u:pä")
    try:
        for header, status in [
            ({}, 401),
            ({"Authorization": basic}, 200),
            ({"Authorization": "Bearer t"}, 200),
            ({"Authorization": "Bearer u"}, 401),
            ({"Authorization": _basic("u:x")}, 401),
        ]:
            async with client.get("/subjects", headers=header) as answer:
                assert answer.status == status
    finally:
        await client.close()
