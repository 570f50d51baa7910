from __future__ import annotations

import pytest
from pydantic import ValidationError

from mover.connectors.s3.addresses import Endpoint
from mover.connectors.s3.config import S3Config

KEYS = {"access_key": "AKIA", "secret_key": "the-secret"}


@pytest.mark.parametrize(
    ("endpoint", "path_style", "bucket", "region", "where"),
    [
        (None, None, "data", "us-east-1", ("data.s3.us-east-1.amazonaws.com", "/a%20b")),
        (None, None, "data", "cn-north-1", ("data.s3.cn-north-1.amazonaws.com.cn", "/a%20b")),
        (None, None, "with.dot", "us-east-1", ("s3.us-east-1.amazonaws.com", "/with.dot/a%20b")),
        (None, None, "With_Case", "us-east-1", ("s3.us-east-1.amazonaws.com", "/With_Case/a%20b")),
        (None, True, "data", "us-east-1", ("s3.us-east-1.amazonaws.com", "/data/a%20b")),
        (
            "https://s3.eu-west-3.amazonaws.com",
            None,
            "data",
            "eu-west-1",
            ("data.s3.eu-west-1.amazonaws.com", "/a%20b"),
        ),
        ("https://minio.example.org:9000", None, "data", "x", ("minio.example.org:9000", "/data/a%20b")),
        ("minio.example.org:443", None, "data", "x", ("minio.example.org", "/data/a%20b")),
        ("https://minio.example.org", False, "data", "x", ("data.minio.example.org", "/a%20b")),
        ("https://10.0.0.1", False, "data", "x", ("10.0.0.1", "/data/a%20b")),
        ("https://[::1]:8333", None, "data", "x", ("[::1]:8333", "/data/a%20b")),
        (
            "https://oss-cn-hangzhou.aliyuncs.com",
            None,
            "data",
            "x",
            ("data.oss-cn-hangzhou.aliyuncs.com", "/a%20b"),
        ),
    ],
)
def test_a_bucket_is_called_where_it_should_be(
    endpoint: str | None,
    path_style: bool | None,  # noqa: FBT001 - pytest passes by name
    bucket: str,
    region: str,
    where: tuple[str, str],
) -> None:
    assert Endpoint.parse(endpoint, path_style=path_style).locate(bucket, "a b", region) == where


def test_the_region_in_amazon_s_address_counts() -> None:
    assert Endpoint.parse("https://s3.eu-west-3.amazonaws.com").region == "eu-west-3"
    assert Endpoint.parse("https://s3.example.com").region is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "https://host/path"},
        {"endpoint": "https://user:password@host"},
        {"endpoint": "ftp://host"},
        {"endpoint": "https://host:port"},
        {"endpoint": ""},
        {"endpoint": "http://host"},
        {"bucket": "a/b"},
        {"bucket": ""},
        {"bucket": ".."},
        {"region": "evil.example.com/"},
        {"access_key": "with space"},
        {"access_key": "a/b"},
        {"path_style": "perhaps"},
        {"storage_class": "X\r\nEvil: 1"},
        {"server_side_encryption": "rot13"},
        {"unknown": "1"},
    ],
)
def test_rubbish_is_refused_without_showing_secrets(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        S3Config.model_validate({**KEYS, **wrong})
    assert "the-secret" not in str(caught.value)


def test_plain_http_has_to_be_insisted_on() -> None:
    config = S3Config.model_validate({**KEYS, "endpoint": "http://host:8333", "plain": "true"})
    assert config.address().authority == "host:8333"


@pytest.mark.parametrize(("typed", "meant"), [("auto", None), ("true", True), ("false", False)])
def test_path_style_is_typed_as_text(
    typed: str,
    meant: bool | None,  # noqa: FBT001 - pytest passes by name
) -> None:
    config = S3Config.model_validate({**KEYS, "endpoint": "https://host", "path_style": typed})
    assert config.address().path_style is meant


def test_only_the_keys_are_secret() -> None:
    keys = list(S3Config.keys())
    assert {key.name for key in keys if key.secret} == {"secret_key", "session_token"}
    assert {key.name for key in keys if key.required} == {"access_key", "secret_key"}
