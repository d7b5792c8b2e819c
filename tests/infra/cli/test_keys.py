import json

from tests.infra.cli.conftest import Run


def test_a_key_is_made_listed_and_revoked(penstock: Run) -> None:
    made = penstock("keys", "create", "ci")
    assert made.status == 0
    assert made.out.startswith("psk_")
    assert "not shown again" in made.err
    listed = json.loads(penstock("keys", "list", "--json").out)
    assert [key["name"] for key in listed] == ["ci"]
    assert listed[0]["revoked_at"] == ""
    assert made.out.strip().rsplit("_", 1)[1] not in json.dumps(listed)
    assert penstock("keys", "revoke", "ci").status == 0
    assert json.loads(penstock("keys", "list", "--json").out)[0]["revoked_at"]
    assert "ci" in penstock("keys", "list").out


def test_a_name_twice_and_an_unknown_name(penstock: Run) -> None:
    penstock("keys", "create", "ci")
    again = penstock("keys", "create", "ci")
    assert (again.status, "ci" in again.err) == (1, True)
    assert penstock("keys", "revoke", "other").status == 1


def test_a_key_as_json(penstock: Run) -> None:
    assert json.loads(penstock("keys", "create", "ci", "--json").out)["key"].startswith("psk_")


def test_a_key_that_may_act(penstock: Run) -> None:
    assert penstock("keys", "create", "ops", "--scope", "operate").status == 0
    assert json.loads(penstock("keys", "list", "--json").out)[0]["scopes"] == ["operate"]
    assert "operate" in penstock("keys", "list").out
    unknown = penstock("keys", "create", "more", "--scope", "everything")
    assert (unknown.status, "no scope everything" in unknown.err) == (1, True)


def test_what_a_key_may_have_of_the_router(penstock: Run) -> None:
    limits = ("--priority", "5", "--weight", "2", "--tokens", "1e6", "--model", "a", "--model", "b")
    assert penstock("keys", "create", "app", *limits).status == 0
    assert json.loads(penstock("keys", "list", "--json").out)[0]["allowance"] == {
        "priority_ceiling": 5,
        "weight": 2.0,
        "tokens": 1e6,
        "models": ["a", "b"],
    }
    assert "models a b" in penstock("keys", "list").out
    assert penstock("keys", "allow", "app", "--max-in-flight", "3", "--reset", "model").status == 0
    assert json.loads(penstock("keys", "list", "--json").out)[0]["allowance"] == {
        "priority_ceiling": 5,
        "weight": 2.0,
        "tokens": 1e6,
        "max_in_flight": 3,
    }
    wrong = penstock("keys", "allow", "app", "--weight", "0")
    assert (wrong.status, "above 0" in wrong.err) == (1, True)
    unknown = penstock("keys", "allow", "app", "--reset", "everything")
    assert (unknown.status, "no limit everything" in unknown.err) == (1, True)
