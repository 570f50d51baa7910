"""Where connections to S3 lead: Amazon has a host for each region, and for each bucket in it."""

from __future__ import annotations

from mover.connectors.s3.addresses import DEFAULT_REGION
from mover.connectors.s3.config import S3Config
from mover.transport.destinations import Destination

REGIONS = (
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)
"""Of Amazon's public partition ("Amazon Simple Storage Service endpoints and quotas"): where a bucket can be whose region
nobody named. Those of China and of governments have to be named."""


_ANY_BUCKET = "any-bucket"


def reaches(config: S3Config) -> tuple[Destination, ...]:
    """Return the hosts of the region that is named, or of all regions; of the bucket that is named, or of all buckets."""
    endpoint = config.address()
    named = config.region or endpoint.region
    regions = (named or DEFAULT_REGION,) if named or not endpoint.regional else REGIONS
    found: set[Destination] = set()
    for region in regions:
        service, _ = endpoint.locate(None, "", region)
        found.add(Destination.of_url(f"{endpoint.scheme}://{service}"))
        bucket, _ = endpoint.locate(config.bucket or _ANY_BUCKET, "", region)
        if bucket == service:
            continue
        one = Destination.of_url(f"{endpoint.scheme}://{bucket}")
        anyone = one.host.removeprefix(f"{_ANY_BUCKET}.")
        found.add(one if config.bucket else Destination.below(anyone, one.first_port))
    return tuple(sorted(found))
