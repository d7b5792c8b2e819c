import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from infra.embedded.clickhouse.compression import Decoder, Encoder, decoder, encoder
from infra.embedded.clickhouse.failure import ClickHouseError
from infra.embedded.clickhouse.native_blocks import BlockDecoder, BlockEncoder, checksum

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


def unpacked(stage: Decoder, data: bytes, size: int) -> bytes:
    out = b"".join(stage.decode(data[at : at + size]) for at in range(0, len(data), size))
    stage.finish()
    return out


def packed(stage: Encoder, data: bytes, size: int) -> bytes:
    return b"".join(stage.encode(data[at : at + size]) for at in range(0, len(data), size)) + stage.finish()


@pytest.mark.parametrize("name", PACKERS)
@given(data=st.binary(max_size=300), size=st.integers(1, 50))
def test_a_body_in_pieces_and_in_several_members(name: str, data: bytes, size: int) -> None:
    body = PACKERS[name](data) + PACKERS[name](b"more")
    assert unpacked(decoder(name), body, size) == data + b"more"


@pytest.mark.parametrize("name", PACKERS)
def test_a_body_that_is_cut_off_or_damaged_is_an_error(name: str) -> None:
    body = PACKERS[name](bytes(range(256)) * 50)
    for bad in (body[:-1], b"not this" + body):
        with pytest.raises(ClickHouseError) as raised:
            unpacked(decoder(name), bad, 64)
        assert raised.value.code == 271


def test_an_unknown_encoding_is_an_error() -> None:
    with pytest.raises(ClickHouseError, match="gzip"):
        decoder("rot13")


@pytest.mark.parametrize("name", ["gzip", "deflate", "lz4", "zstd"])
@given(data=st.binary(max_size=300), size=st.integers(1, 50))
def test_an_answer_in_pieces(name: str, data: bytes, size: int) -> None:
    chosen = encoder(f"br, {name};q=0.5")
    assert chosen is not None
    assert chosen[0] == name
    assert unpacked(decoder(name), packed(chosen[1], data, size), 1000) == data


def test_what_the_client_refuses_is_not_chosen() -> None:
    assert encoder("zstd;q=0, identity") is None
    assert encoder("") is None


@given(data=st.binary(max_size=3000), size=st.integers(1, 500))
def test_native_blocks_in_pieces(data: bytes, size: int) -> None:
    assert unpacked(BlockDecoder(), packed(BlockEncoder(), data, size), size) == data


def test_the_checksum_is_in_the_order_that_clickhouse_reads() -> None:
    # The low half first: clickhouse-jdbc verifies it (test_other_clients) and refuses the other order.
    assert checksum(b"Moscow is the capital of Russia").hex() == "fe3ae1b6bc69eb97609f89a102b319a9"


@pytest.mark.parametrize(("at", "code"), [(0, 40), (16, 40), (30, 40)])
def test_a_damaged_native_block_is_an_error(at: int, code: int) -> None:
    block = bytearray(packed(BlockEncoder(), b"x" * 1000, 1000))
    block[at] ^= 1
    with pytest.raises(ClickHouseError) as raised:
        unpacked(BlockDecoder(), bytes(block), 1000)
    assert raised.value.code == code


def test_native_blocks_that_end_too_early_or_lie_about_their_size() -> None:
    block = packed(BlockEncoder(), b"x" * 1000, 1000)
    with pytest.raises(ClickHouseError, match="middle"):
        unpacked(BlockDecoder(), block[:-1], 1000)
    with pytest.raises(ClickHouseError, match="claims"):
        BlockDecoder().decode(block[:17] + b"\xff\xff\xff\xff" + block[21:])
