import base64

from infra.embedded.kafka.storage import cluster_id


def test_a_cluster_id_is_16_bytes_and_no_option() -> None:
    for _ in range(1000):
        found = cluster_id()
        assert len(base64.urlsafe_b64decode(found + "==")) == 16
        assert not found.startswith("-")
