"""The configuration files of a one-machine OpenStack Swift with TempAuth, large objects, quotas and the S3 API."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class SwiftPorts(NamedTuple):
    """Where Swift's servers listen on loopback."""

    account: int
    container: int
    object: int
    memcached: int
    proxy: int
    plain: int


_PIPELINE = (
    "catch_errors gatekeeper healthcheck cache listing_formats container_sync bulk tempurl ratelimit s3api tempauth "
    "copy container-quotas account-quotas slo dlo versioned_writes symlink"
)

_FILTERS = {
    "catch_errors": "use = egg:swift#catch_errors",
    "gatekeeper": "use = egg:swift#gatekeeper",
    "healthcheck": "use = egg:swift#healthcheck",
    "cache": "use = egg:swift#memcache",
    "listing_formats": "use = egg:swift#listing_formats",
    "container_sync": "use = egg:swift#container_sync",
    "bulk": "use = egg:swift#bulk",
    "tempurl": "use = egg:swift#tempurl",
    "ratelimit": "use = egg:swift#ratelimit",
    "s3api": "use = egg:swift#s3api\ns3_acl = false\ndns_compliant_bucket_names = no\nlocation = us-east-1",
    "tempauth": "use = egg:swift#tempauth\nuser_test_tester = testing .admin\nuser_other_tester = other .admin\n"
    "user_mover_mover = a-key-of-tempauth .admin\nuser_mover_reader = a-key-of-tempauth\n"
    "user_admin_admin = a-key-of-tempauth .admin .reseller_admin",
    "copy": "use = egg:swift#copy",
    "container-quotas": "use = egg:swift#container_quotas",
    "account-quotas": "use = egg:swift#account_quotas",
    "slo": "use = egg:swift#slo\nrate_limit_after_segment = 1000",
    "dlo": "use = egg:swift#dlo",
    "versioned_writes": "use = egg:swift#versioned_writes\nallow_object_versioning = true",
    "symlink": "use = egg:swift#symlink",
}


def write_configuration(folder: Path, inside: Path, ports: SwiftPorts, *, tls: Path | None) -> None:
    """Write all files into `folder`, which the servers see as `inside`; `tls` is the folder of the certificate."""
    folder.mkdir(exist_ok=True)
    (folder / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_prefix = throwaway\nswift_hash_path_suffix = throwaway\n"
        "[storage-policy:0]\nname = standard\ndefault = yes\n"
    )
    general = f"bind_ip = 127.0.0.1\nuser = root\nswift_dir = {inside}\nworkers = 0\nlog_level = WARNING\nlog_address = /dev/null\n"
    for kind in ("account", "container", "object"):
        (folder / f"{kind}-server.conf").write_text(
            f"[DEFAULT]\n{general}bind_port = {getattr(ports, kind)}\ndevices = /srv/devices\nmount_check = false\n"
            f"disable_fallocate = true\nfallocate_reserve = 0\nrecon_cache_path = /run\n"
            f"[pipeline:main]\npipeline = {kind}-server\n[app:{kind}-server]\nuse = egg:swift#{kind}\n"
        )
    secured = f"cert_file = {tls}/server.pem\nkey_file = {tls}/server-key.pem\n" if tls else ""
    memcached = f"memcache_servers = 127.0.0.1:{ports.memcached}\n"
    (folder / "memcache.conf").write_text(f"[memcache]\n{memcached}")
    filters = "".join(f"[filter:{name}]\n{lines}\n" for name, lines in _FILTERS.items())
    for name, port, secrets in (("proxy", ports.proxy, secured), ("plain", ports.plain, "")):
        # With one copy of everything a single error must not take its server out of use.
        (folder / f"{name}-server.conf").write_text(
            f"[DEFAULT]\n{general}bind_port = {port}\n{secrets}"
            f"[pipeline:main]\npipeline = {_PIPELINE} proxy-server\n"
            "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
            "error_suppression_limit = 1000000\nerror_suppression_interval = 0\n"
            f"{filters}"
        )
    (folder / "ports").write_text(" ".join(map(str, ports)))
