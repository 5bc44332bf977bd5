"""A bucket keeps what a folder keeps: the same store, through S3's own protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from tests.fakes.history_rows import at, batch, option_rows, write

from optix.adapters.history import HistoryStore, open_history
from optix.adapters.history.storage import S3_LEASE_SECONDS, Bucket
from optix.kernel.clock import NANOSECONDS
from optix.ports.history import DatasetName, HistoryBusy, HistoryUnavailable

MONDAY = at(2024, 1, 8)


class Hands:
    """A clock whose hands a test moves."""

    now = MONDAY

    def now_ns(self) -> int:
        return self.now


@pytest.fixture
def url(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3", endpoint_url=aws, region_name="us-east-1")
    client.create_bucket(Bucket="optix-history")
    yield f"s3://optix-history/some/where?endpoint={aws}&region=us-east-1"
    listed = client.list_objects_v2(Bucket="optix-history").get("Contents", [])
    for entry in listed:
        client.delete_object(Bucket="optix-history", Key=entry["Key"])
    client.delete_bucket(Bucket="optix-history")


def test_rows_are_stored_once_and_read_back(url: str, tmp_path: Path) -> None:
    store = open_history(tmp_path, url, Hands())
    (first,) = write(store, option_rows(MONDAY))
    (second,) = write(open_history(tmp_path, url, Hands()), option_rows(MONDAY))
    assert (first.stored, second.stored, second.duplicates) == (6, 0, 6)
    reader = store.reader()
    assert reader.names(DatasetName.OPTION_QUOTES) == ["SPY"]
    (table,) = reader.chain_as_of("SPY", None, MONDAY, since_ns=0)
    assert set(table.columns["bid"]) == {5.0}
    assert reader.names(DatasetName.BARS) == []
    assert list(tmp_path.iterdir()) == [], "nothing lies in the folder"


def test_the_second_writer_is_told_who_writes_until_the_first_has_ended(url: str) -> None:
    store = HistoryStore(Bucket(url, Hands().now_ns))
    with store.writing("the first"), pytest.raises(HistoryBusy, match="the first"):
        write(store, option_rows(MONDAY))
    assert write(store, option_rows(MONDAY))[0].stored == 6


def test_a_writer_that_died_is_passed_over_after_its_lease(url: str) -> None:
    hands = Hands()
    bucket = Bucket(url, hands.now_ns)
    died = {"who": "a program", "process": 1, "machine": "m"}
    bucket.put(
        ".writer.lock",
        json.dumps({**died, "until_ns": MONDAY + S3_LEASE_SECONDS * NANOSECONDS}).encode(),
    )
    with pytest.raises(HistoryBusy, match="process 1 on m"):
        write(HistoryStore(bucket), option_rows(MONDAY))
    hands.now += S3_LEASE_SECONDS * NANOSECONDS
    assert write(HistoryStore(bucket), option_rows(MONDAY))[0].stored == 6


def test_writing_on_prolongs_the_lease(url: str) -> None:
    hands = Hands()
    bucket = Bucket(url, hands.now_ns)
    with HistoryStore(bucket).writing("the first") as writer:
        for _ in range(3):
            hands.now += S3_LEASE_SECONDS * NANOSECONDS - 1
            writer.write(batch(option_rows(hands.now)))
            writer.flush()
        with pytest.raises(HistoryBusy):
            write(HistoryStore(bucket), option_rows(MONDAY))


@pytest.mark.parametrize(
    "wrong", ["http://bucket/prefix", "s3:///prefix", "s3://bucket/prefix?secret=x"]
)
def test_an_address_that_is_none_says_how_one_looks(wrong: str) -> None:
    with pytest.raises(HistoryUnavailable, match="s3://bucket/prefix"):
        Bucket(wrong, Hands().now_ns)


def test_a_bucket_that_is_not_there_is_an_error_that_says_so(aws: str) -> None:
    bucket = Bucket(f"s3://no-such-bucket/x?endpoint={aws}", Hands().now_ns)
    with pytest.raises(HistoryUnavailable, match="no-such-bucket"):
        write(HistoryStore(bucket), option_rows(MONDAY))
