import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook as Verifier

from schemas.channel_document import canonical, parse, secrets_of, shown
from schemas.errors import ConfigError
from schemas.settings import Settings
from schemas.settings.notifier import NotifierSettings
from sinks.notify.channels import build
from sinks.notify.secrets import KEY_FILE, SecretBox, sealed
from sinks.notify.signature import headers, key_of, new_secret
from sinks.notify.trying import send_test
from tests.sinks.notify.making import SECRET, box, network, notification, settings_in, webhook
from tests.sinks.notify.receivers import receiver, status


def document(**settings: Any) -> dict[str, Any]:
    return {"id": "ops", "kind": "webhook", "settings": {"url": "https://hooks.example.com/in", **settings}}


def test_a_secret_is_encrypted_before_it_is_kept() -> None:
    mine = box()
    kept, made = sealed(parse(document(secret=SECRET)), mine)
    text = canonical(kept)
    assert made == {}
    assert SECRET not in text
    assert mine.open(secrets_of(parse(text))["secret"]).get_secret_value() == SECRET
    with pytest.raises(ValueError, match="not sealed"):
        canonical(parse(document(secret=SECRET)))


def test_a_secret_that_is_left_out_is_made_and_shown_once() -> None:
    mine = box()
    kept, made = sealed(parse(document()), mine)
    assert mine.open(secrets_of(kept)["secret"]).get_secret_value() == made["secret"]
    assert len(key_of(made["secret"])) == 32
    assert shown(kept)["settings"]["secret"] == {"set": True}
    again, made = sealed(parse(document(url="https://hooks.example.com/new")), mine, kept)
    assert made == {}
    assert secrets_of(again) == secrets_of(kept)


def test_nothing_shows_a_secret() -> None:
    channel = parse(document(secret=SECRET, authorization="Bearer hunter2"))
    kept, _ = sealed(channel, box())
    for text in (repr(channel), str(channel), str(shown(channel)), channel.model_dump_json(), repr(box())):
        assert SECRET not in text
        assert "hunter2" not in text
    assert "hunter2" not in canonical(kept)


def test_an_error_repeats_no_value() -> None:
    for bad in (
        document(secret=["hunter2"]),
        document(secret={"env": "hunter2"}),
        {"id": "x", "kind": "slack", "settings": {"webhook_url": {"url": "hunter2"}}},
        {"id": "x", "kind": "slack", "settings": "hunter2"},
        '{"id": "x", "kind": "slack", "settings": {"webhook_url": hunter2}}',
    ):
        with pytest.raises(ConfigError) as raised:
            parse(bad)
        assert "hunter2" not in str(raised.value)
        assert raised.value.__cause__ is None


def test_a_reference_to_the_environment() -> None:
    mine = box(NOTIFY_KEY="hunter2", AWS_SECRET="stolen")
    assert mine.open(secrets_of(parse(document(secret={"env": "NOTIFY_KEY"})))["secret"]) == SecretStr(
        "hunter2"
    )
    for name, why in (("NOTIFY_NONE", "not set"), ("AWS_SECRET", "env_prefix")):
        with pytest.raises(ConfigError, match=why) as raised:
            mine.open(secrets_of(parse(document(secret={"env": name})))["secret"])
        assert "stolen" not in str(raised.value)


def test_a_secret_that_is_kept_goes_to_no_other_receiver() -> None:
    mine = box()
    before, _ = sealed(parse(document(secret=SECRET, authorization="Bearer hunter2")), mine)
    same, _ = sealed(parse(document(authorization={"set": True})), mine, before)
    assert secrets_of(same) == secrets_of(before)
    with pytest.raises(ConfigError, match="another one now"):
        sealed(parse(document(url="https://evil.example/", authorization={"set": True})), mine, before)
    with pytest.raises(ConfigError, match="none yet"):
        sealed(parse(document(authorization={"set": True})), mine)


def test_the_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    token = SecretBox.of(settings).seal("hunter2")
    file = tmp_path / "data" / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [KEY_FILE]
    assert SecretBox.of(settings).open(token) == SecretStr("hunter2")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        SecretBox.of(settings)


def test_another_key_and_a_change_of_keys(tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()

    def with_key(text: str) -> SecretBox:
        return SecretBox.of(
            Settings(data_dir=tmp_path, notifier=NotifierSettings(key=SecretStr(text))), os.environ
        )

    token = with_key(old).seal("hunter2")
    assert with_key(f"{new}, {old}").open(token) == SecretStr("hunter2")
    with pytest.raises(ConfigError, match="another key"):
        with_key(new).open(token)
    with pytest.raises(ConfigError, match=r"notifier\.key"):
        with_key("short")


def test_the_library_of_standard_webhooks_verifies_our_signature() -> None:
    import time

    body = b'{"a":1,"\xc3\xa9":2}'
    secret, before = new_secret(), new_secret()
    signed = headers("msg-1", int(time.time()), body, [key_of(secret), key_of(before)])
    for each in (secret, before):
        assert Verifier(each).verify(body, signed) == {"a": 1, "é": 2}
    for changed in (
        (body + b" ", signed),
        (body, {**signed, "webhook-id": "msg-2"}),
        (body, {**signed, "webhook-timestamp": str(int(time.time()) + 1)}),
    ):
        with pytest.raises(Exception, match="No matching signature"):
            Verifier(secret).verify(*changed)


@pytest.mark.parametrize("text", ["hunter2", "whsec_c2hvcnQ=", "whsec_" + "A" * 200, "whsec_!!"])
def test_a_secret_that_is_none(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        key_of(text)
    assert text.removeprefix("whsec_") not in str(raised.value)


@pytest.mark.asyncio
async def test_a_receiver_verifies_a_webhook() -> None:
    async with receiver() as received:
        way = build(webhook(received.url, settings={"authorization": "Bearer t"}), box(), network())
        one = notification()
        found = await way.send(one, test=False)
        await way.close()
    assert found.verdict == "delivered"
    assert received.headers[0]["webhook-id"] == one.id
    assert received.headers[0]["authorization"] == "Bearer t"
    assert Verifier(SECRET).verify(received.bodies[0], received.headers[0])["data"]["id"] == one.id


@pytest.mark.asyncio
async def test_somebody_tries_a_channel(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with receiver(status(403, f"no, {SECRET}")) as received:
        refused = await send_test(webhook(received.url), box(), settings)
        forbidden = await send_test(webhook(received.url), box(), settings_in(tmp_path, allow=""))
    assert (refused.verdict, refused.status, refused.said) == ("refused", 403, "no, ***")
    assert received.documents[0]["data"]["test"] is True
    assert forbidden.verdict == "refused"
    assert "notifier.allow" in forbidden.said
    assert len(received.bodies) == 1
