"""At which host and path a bucket is called, and where credentials may follow a redirect."""

from __future__ import annotations

import functools
import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from mover.connectors.s3.signing import encode_path
from mover.errors import InvalidConfiguration

DEFAULT_REGION = "us-east-1"

_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_HOST_LABEL_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,61}[a-z0-9])")
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")
_AMAZON_REGIONAL = re.compile(r"s3(?:[.-](?P<region>[a-z0-9-]+))?\.amazonaws\.com(?:\.cn)?")
_VIRTUAL_ONLY = (".aliyuncs.com", ".myqcloud.com")  # they refuse path style


def is_region(text: str) -> bool:
    """Tell whether a text from outside could be a region, so that it may become part of a host name."""
    return _REGION.fullmatch(text) is not None


@dataclass(frozen=True)
class Endpoint:
    """A service's address.

    Attributes:
        scheme: `https` or `http`.
        authority: Host and, if it is not the scheme's own, port: what the `Host` header says.
        regional: Amazon's own, so that each region has its host.
        path_style: The bucket is the first part of the path rather than of the host; None: whatever suits.
    """

    scheme: str
    authority: str
    regional: bool
    path_style: bool | None = None

    @classmethod
    def parse(cls, text: str | None, *, path_style: bool | None = None) -> Endpoint:
        """Read what a person typed; None is Amazon.

        Raises:
            InvalidConfiguration: It is not a plain `https://host[:port]`.
        """
        if text is None:
            return cls("https", "s3.amazonaws.com", regional=True, path_style=path_style)
        parts = urlsplit(text if "://" in text else f"https://{text}")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme not in {"http", "https"} or "@" in parts.netloc:
            raise InvalidConfiguration("the endpoint must look like https://host or https://host:port")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise InvalidConfiguration(
                "the endpoint must not have a path; name the bucket by its own key `bucket`"
            )
        name = f"[{host}]" if ":" in host else host
        if not name.isascii():
            name = name.encode("idna").decode()
        default = {"https": 443, "http": 80}[parts.scheme]
        authority = name if port in {None, default} else f"{name}:{port}"
        regional = _AMAZON_REGIONAL.fullmatch(authority) is not None
        return cls(parts.scheme, authority, regional=regional, path_style=path_style)

    @property
    def amazon(self) -> bool:
        """Amazon's own service, which honours all that its documentation says."""
        return self.authority.endswith(_AMAZON)

    @property
    def region(self) -> str | None:
        """The region that the address itself names."""
        found = _AMAZON_REGIONAL.fullmatch(self.authority)
        return found["region"] if found else None

    def locate(self, bucket: str | None, key: str, region: str) -> tuple[str, str]:
        """Return authority and encoded path of an object, of a bucket (empty key), or of the list of buckets (None)."""
        authority = self._authority_in(region)
        if bucket is None:
            return authority, "/"
        if self._in_path(bucket):
            return authority, encode_path(f"/{bucket}/{key}" if key else f"/{bucket}")
        return f"{bucket}.{authority}", encode_path(f"/{key}")

    def _authority_in(self, region: str) -> str:
        if not self.regional:
            return self.authority
        return f"s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")

    def _in_path(self, bucket: str) -> bool:
        if not _HOST_LABEL_BUCKET.fullmatch(bucket) or _is_address(self.authority):
            return True  # a dot in the bucket's name would not match the certificate's wildcard
        if self.path_style is not None:
            return self.path_style
        return not (self.amazon or self.authority.endswith(_VIRTUAL_ONLY))


@functools.lru_cache(maxsize=16)
def _is_address(authority: str) -> bool:
    host = authority.rpartition(":")[0] if not authority.endswith("]") and ":" in authority else authority
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
