"""Addresses of stores: valid ones, and the errors of others."""

import time
from pathlib import Path

import boto3
import pytest

from sweeper.errors import StoreError
from sweeper.store import address as address_module
from sweeper.store.address import without_credentials
from sweeper.store.store import Store
from tests.sweeper.conftest import Bucket

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "address",
    [
        f"s3://key:{SECRET}@bucket/prefix",
        f"s3://bucket/prefix?access_key=a&secret_key={SECRET}",
        f"s3://bucket/prefix?region=x&session_token={SECRET}&scheme=http",
        f"gs://{SECRET}@bucket/prefix",
        f"abfss://bucket/prefix?sig={SECRET}&Signature={SECRET}",
    ],
)
def test_an_address_with_credentials_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(StoreError, match="must not contain credentials; set AWS_ACCESS") as caught:
        Store(address)
    message = str(caught.value).replace("sig=" + SECRET, "")
    assert SECRET not in message
    assert SECRET not in without_credentials(f"--set store={address}").replace("sig=" + SECRET, "")


def test_text_without_credentials_is_unchanged() -> None:
    text = "run --set store=s3://bucket/a@b?region=eu-west-1&endpoint_override=host:9 for me@home"
    assert without_credentials(text) == text


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://bucket/prefix?regoin=x", "unknown option 'regoin'; expected s3://bucket/prefix?"),
        ("s3:///prefix", "no bucket; expected s3://bucket/prefix?"),
        ("s3://bucket?endpoint_override=127.0.0.1:9&scheme=http", "does not respond"),
        ("s3://bucket?endpoint_override=no-such-host.invalid", "does not respond"),
        ("ftp://host/prefix", "cannot be written to"),
    ],
)
def test_an_unreachable_address_is_reported_quickly_in_one_line(
    address: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    started = time.monotonic()
    with pytest.raises(StoreError, match=r"^store '") as caught:
        Store(address)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert SECRET not in str(caught.value)
    assert time.monotonic() - started < 20


def test_a_missing_bucket_is_reported(s3_bucket: Bucket) -> None:
    with pytest.raises(StoreError, match="NO_SUCH_BUCKET: no such bucket; create it first"):
        Store(s3_bucket().replace("s3://bucket-", "s3://no-bucket-"))


def test_a_missing_store_opened_for_reading_is_reported_and_not_created(
    s3_bucket: Bucket, tmp_path: Path
) -> None:
    addresses = [str(tmp_path / "no"), s3_bucket().replace("/some/prefix", "/no")]
    addresses += [s3_bucket().replace("s3://bucket-", "s3://no-bucket-")]
    for address in addresses:
        with pytest.raises(StoreError, match=r"cannot be read from \(no such folder\)$"):
            Store(address, writable=False)
    assert list(tmp_path.iterdir()) == []


def test_missing_credentials_are_reported_with_the_variables_to_set(
    s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address = s3_bucket()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # no machine role either
    with pytest.raises(
        StoreError, match=r"or insufficient credentials: set AWS_ACCESS_KEY_ID and"
    ) as caught:
        Store(address)
    assert len(str(caught.value).splitlines()) == 1


def test_insufficient_credentials_are_reported(
    s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto checks keys and policies only after this many requests."""
    from moto.core import set_initial_no_auth_action_count

    address = s3_bucket()
    with pytest.raises(StoreError, match=r"cannot be written to \(S3 \w+: ") as caught:
        set_initial_no_auth_action_count(0)(lambda: Store(address))()
    assert len(str(caught.value).splitlines()) == 1


def test_an_s3_store_works_through_the_environment_s_endpoint(
    s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _, options = s3_bucket().partition("?")
    endpoint = options.partition("=")[2].partition("&")[0]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{endpoint}")
    store = Store(address)
    with store.writing("splits", {"a": 1}) as folder:
        store.write_file(f"{folder}/text", b"whole")
    client = boto3.client("s3", endpoint_url=f"http://{endpoint}", region_name="us-east-1")
    listed = client.list_objects_v2(Bucket=store.root.partition("/")[0], Prefix="some/prefix/spl")
    assert len(listed["Contents"]) == 2  # the file and artifact.json; no markers of folders


def test_a_bucket_is_checked_for_writing_once(
    s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = s3_bucket()
    Store(address)
    monkeypatch.setattr(address_module, "_check_writable", lambda *_: 1 / 0)
    assert Store(address).address == address


def test_a_folder_is_remembered_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Store("here").address == str(tmp_path / "here")
