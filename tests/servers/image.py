"""The container's image, built for real and run as its composition says, on bases made of Debian's packages.

No registry is asked: the bases are made here, laid out as those that the Containerfile names. `tests/servers/install_engine.sh`
installs the engine.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.servers.processes import tool

ROOT = Path(__file__).parents[2]
COMPOSITION = ROOT / "deploy" / "container" / "compose.yaml"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_DEBIAN = "bookworm"
_SOURCES = (
    f"deb http://deb.debian.org/debian {_DEBIAN} main",
    f"deb http://deb.debian.org/debian-security {_DEBIAN}-security main",
)
_PACKAGES = (
    *("base-files", "netbase", "tzdata", "media-types", "ca-certificates"),
    *("libc6", "libssl3", "libgcc-s1", "gcc-12-base", "libgomp1", "libstdc++6"),
    *("libbz2-1.0", "libdb5.3", "libexpat1", "liblzma5", "libsqlite3-0", "libuuid1", "libncursesw6"),
    *("libtinfo6", "python3-distutils", "zlib1g", "libcom-err2", "libcrypt1", "libgssapi-krb5-2"),
    *("libk5crypto3", "libkeyutils1", "libkrb5-3", "libkrb5support0", "libnsl2", "libreadline8"),
    *("libtirpc3", "libffi8", "libpython3.11-minimal", "libpython3.11-stdlib", "python3.11-minimal"),
)
"""What gcr.io/distroless/python3-debian12 is unpacked from, by its own rules."""
_BASE_USER = 65_532


@dataclass(frozen=True)
class Engine:
    """buildah and podman with images and containers of their own.

    Attributes:
        folder: All is kept in it.
    """

    folder: Path

    def build(self, *arguments: str | Path) -> str:
        """Do something with images; returns what was said."""
        return self._run("buildah", *arguments)

    def run(self, *arguments: str | Path, check: bool = True) -> str:
        """Do something with containers; returns what was said."""
        return self._run("podman", "--runtime", "runc", *arguments, check=check)

    def _run(self, *arguments: str | Path, check: bool = True) -> str:
        program, *rest = arguments
        ended = subprocess.run(
            [tool(str(program)), *rest],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or ended.returncode == 0, ended.stdout[-4000:]
        return ended.stdout

    def _environment(self) -> dict[str, str]:
        settings = self.folder / "storage.conf"
        if not settings.exists():
            places = f'graphroot = "{self.folder}/storage"\nrunroot = "{self.folder}/running"\n'
            settings.write_text(f'[storage]\ndriver = "overlay"\n{places}')
        return {**os.environ, "CONTAINERS_STORAGE_CONF": str(settings)}


@contextmanager
def mounted(engine: Engine, image: str) -> Iterator[Path]:
    """All files of an image, for the time of a `with` block."""
    container = engine.build("from", "--pull-never", image).strip()
    try:
        yield Path(engine.build("mount", container).strip())
    finally:
        engine.build("rm", container)


def build_base(engine: Engine) -> str:
    """A small Debian, as docker.io/library/debian is; its pip trusts whom this machine trusts."""
    file = engine.folder / "debian.tar"
    subprocess.run(
        [tool("mmdebstrap"), "--variant=minbase", "--mode=root", _DEBIAN, str(file), *_SOURCES],
        check=True,
        capture_output=True,
    )
    container = engine.build("from", "scratch").strip()
    engine.build("add", container, file, "/")
    engine.build("copy", container, _CERTIFICATES, "/machine-certificates.pem")
    engine.build("config", "--env", "PIP_CERT=/machine-certificates.pem", container)
    engine.build("commit", "--rm", container, "build-base")
    return "localhost/build-base"


def run_base(engine: Engine) -> str:
    """Packages unpacked without their scripts, another user's home, and settings: as the base without a shell is."""
    packages, root = engine.folder / "packages", engine.folder / "root"
    packages.mkdir()
    subprocess.run(
        [tool("apt-get"), "download", "-q", *_PACKAGES], cwd=packages, check=True, capture_output=True
    )
    for package in sorted(packages.iterdir()):
        subprocess.run([tool("dpkg-deb"), "-x", package, root], check=True)
    certificates = root / "etc" / "ssl" / "certs" / "ca-certificates.crt"
    certificates.parent.mkdir(parents=True, exist_ok=True)
    found = sorted((root / "usr" / "share" / "ca-certificates").rglob("*.crt"))
    certificates.write_bytes(b"".join(file.read_bytes() for file in found))
    (root / "usr" / "sbin" / "update-ca-certificates").unlink()
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/sbin/nologin\n")
    (root / "etc" / "group").write_text("root:x:0:\n")
    (root / "etc" / "nsswitch.conf").write_text("hosts: files dns\n")
    for name in ("python", "python3"):
        (root / "usr" / "bin" / name).symlink_to("/usr/bin/python3.11")
    home = root / "home" / "nonroot"
    home.mkdir(mode=0o700)
    os.chown(home, _BASE_USER, _BASE_USER)
    file = engine.folder / "root.tar"
    subprocess.run([tool("tar"), "-C", root, "-cf", file, "."], check=True)
    container = engine.build("from", "scratch").strip()
    engine.build("add", container, file, "/")
    paths = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    settings = ("--env", paths, "--env", "LANG=C.UTF-8", "--user", str(_BASE_USER))
    entry = ("--workingdir", "/home/nonroot", "--entrypoint", '["/usr/bin/python3.11"]')
    engine.build("config", *settings, *entry, container)
    engine.build("commit", "--rm", container, "run-base")
    return "localhost/run-base"


def build(engine: Engine, name: str, bases: Mapping[str, str], moment: dt.datetime) -> str:
    """Build the Containerfile with what `make dist` made, all files of one time; returns the image's name."""
    arguments = [part for base, image in bases.items() for part in ("--build-arg", f"{base}={image}")]
    engine.build(
        *("build", "--isolation", "chroot", "--network", "host", "--pull-never"),
        *("--timestamp", str(int(moment.timestamp()))),
        *arguments,
        *("-f", ROOT / "deploy" / "container" / "Containerfile", "-t", name, ROOT),
    )
    return f"localhost/{name}"


def configuration(engine: Engine, image: str) -> dict[str, Any]:
    """What an image says of itself (OCI image configuration)."""
    said: dict[str, Any] = json.loads(engine.build("inspect", "--type", "image", image))["OCIv1"]
    return said


def composed(replaced: Mapping[str, str], settings_file: Path, more: Sequence[str] = ()) -> list[str]:
    """How podman runs the composition's service: everything that is said there, and refusing what is not known here.

    Not done here: ports (the machine's own network is used), and starting again. Limits are those that this machine can give.

    Args:
        replaced: Environment that is set instead of the composition's or in addition to it.
        settings_file: The secret.
        more: Further options.
    """
    (service,) = yaml.safe_load(COMPOSITION.read_text())["services"].values()
    environment = {**service.pop("environment"), **replaced}
    for left in ("image", "command", "ports", "restart", "healthcheck", "secrets"):
        assert service.pop(left)
    options = ["--network", "host", "--volume", f"{settings_file}:/run/secrets/settings:ro", *more]
    options += [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    for key, value in service.items():
        match key:
            case "volumes":
                options += [part for one in value for part in ("--volume", one)]
            case "tmpfs" | "cap_drop" | "security_opt":
                name = key.replace("_", "-")
                options += [part for one in value for part in (f"--{name}", one)]
            case "user" | "ipc" | "pids_limit":
                options += [f"--{key.replace('_', '-')}", str(value)]
            case "mem_limit":
                options += ["--memory", value]
            case "memswap_limit":
                options += ["--memory-swap", value]
            case "ulimits":
                options += [part for one in value.items() for part in ("--ulimit", _limit(*one))]
            case "stop_grace_period":
                options += ["--stop-timeout", value.removesuffix("s")]
            case "read_only":
                assert value is True
                options += ["--read-only"]
            case "init":
                assert value is False
            case _:
                raise AssertionError(f"{key} of the composition is not known here")
    return [*options, "--ulimit", _limit("nproc", 4096)]


def _limit(name: str, wanted: int) -> str:
    highest = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
    if highest != resource.RLIM_INFINITY and (wanted == -1 or wanted > highest):
        wanted = highest
    return f"{name}={wanted}:{wanted}"
