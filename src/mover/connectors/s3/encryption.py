"""Whether the ETags in a bucket's listing can be MD5s.

Under KMS and under the customer's own key an ETag looks like an MD5 and is none ("Common Response Headers", Amazon S3
API Reference). Listings do not tell how an object is encrypted, so the bucket's default decides, and the first object
that turns out to be encrypted otherwise ends the trust in that bucket. Where the default may not be asked for, one
object of the bucket stands for all.
"""

from __future__ import annotations

from mover.connectors.s3.api import S3Api
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.objects import ObjectFacts
from mover.errors import NotFound, PermissionDenied


class BucketEncryption:
    """What is known about the buckets of one account."""

    def __init__(self, api: S3Api) -> None:
        self._api = api
        self._leaves_md5: dict[str, bool] = {}

    async def leaves_md5(self, bucket: str) -> bool:
        """Tell whether an ETag that looks like an MD5 can be taken for one; asks the service once a bucket."""
        known = self._leaves_md5.get(bucket)
        if known is None:
            known = self._leaves_md5.setdefault(bucket, await self._ask(bucket))
        return known

    def seen(self, bucket: str | None, facts: ObjectFacts) -> None:
        """Take note of an object's own encryption."""
        if bucket is not None and not facts.plain:
            self._leaves_md5[bucket] = False

    async def _ask(self, bucket: str) -> bool:
        default = await self._api.bucket_encryption(bucket, operation="list_folder", path="/")
        if not isinstance(default, Fault):
            return default is None or not default.startswith("aws:kms")
        listing = await self._api.list_objects(
            bucket, "", delimiter="", most=1, operation="list_folder", path="/"
        )
        key = listing.objects[0].key if listing.objects else None
        if not isinstance(key, str):
            return not self._api.caller.endpoint.amazon
        try:
            facts = await self._api.head_object(bucket, key, operation="list_folder", path="/")
        except (NotFound, PermissionDenied):
            return not self._api.caller.endpoint.amazon
        return facts.plain
