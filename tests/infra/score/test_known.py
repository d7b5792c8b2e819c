"""What labels can name."""

from infra.score.known import known


def test_patterns_and_alerts_have_ids_of_their_own() -> None:
    assert "thermal_drain" in known()["pattern"]
    assert "node_offline" in known()["alert"]
    assert not set(known()["pattern"]) & set(known()["alert"])
