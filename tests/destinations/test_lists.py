"""`mover egress allow-list`: each form is taken by the program that it is for, whatever people connected."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import insert
from tests.database_url import SUITE, Kind
from tests.destinations.conftest import Connect
from tests.runner.stage import filled
from tests.servers.jail import can_jail
from tests.servers.processes import tool

from mover.accounts.tables import organisations, single_sign_on
from mover.cli.main import run_command_line
from mover.database.database import Database
from mover.notices.tables import webhooks
from mover.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
HOSTILE = (
    "evil.example\nhttp_access allow all",
    "evil.example } socks pass { from: 0/0 to: 0/0",
    'evil.example", "',
    "evil.example; flush ruleset;",
    "-n",
    "10.0.0.1/0",
)

pytestmark = [
    pytest.mark.promise("egress"),
    pytest.mark.skipif(SUITE is not Kind.SQLITE, reason="rows are written into the file"),
]


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mover_home: Path) -> Any:
    monkeypatch.setenv("MOVER_ALLOW_PRIVATE_ADDRESSES", "10.0.0.0/8")
    monkeypatch.setenv("MOVER_PROXY", "http://mover:hidden-word@192.0.2.10:3128")
    monkeypatch.setenv("COLUMNS", "300")
    mover_home.mkdir(parents=True, exist_ok=True)
    run_command_line(["egress", "allow-list"])
    capsys.readouterr()

    def listed(*words: str) -> tuple[str, str]:
        assert run_command_line(["egress", "allow-list", *words]) == 0
        said = capsys.readouterr()
        assert "hidden-word" not in said.out + said.err
        return said.out, said.err

    return listed


@pytest.fixture
def connected(listed: Any, connect: Connect) -> Any:
    """Of each kind, and of hostile ones."""
    connect("sftp", {"host": "10.1.2.3", "port": 22})
    connect("ftps", {"host": "ftp.example.org", "tls": "implicit"})
    connect("webdav", {"url": "https://cloud.example.org:8443/x"})
    connect("s3", {})
    connect("mysql", {"host": "2001:db9::7", "port": 3306})
    connect("box", {})
    connect("sftp", {"host": "single", "port": 22})
    for host in HOSTILE:
        connect("sftp", {"host": host, "port": 22})
        connect("webdav", {"url": f"https://{host}/"})
    return listed


def test_what_is_connected_is_listed_and_what_cannot_be_is_named(listed: Any, connect: Connect) -> None:
    assert listed() == ("", "")
    connect("sftp", {"host": "nas.example.org", "port": 22})
    bad = [
        connect("sftp", {"host": HOSTILE[0], "port": 22}),
        connect("sftp", {"host": "nas.example.org", "port": "22"}),
        connect("sftp", {"host": ["x"], "port": 22}),
        connect("sftp", {}),
        connect("gone", {}),
        connect("sftp", {"host": "127.0.0.1", "port": 22}),
        connect("webdav", {"url": "https://metadata.google.internal/"}),
    ]
    out, said = listed()
    assert out == "nas.example.org:22\n"
    assert all(id_ in said for id_ in bad)
    assert "evil" not in said


def test_webhooks_single_sign_on_and_settings_are_destinations_too(
    listed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write() -> None:
        database = await Database.open(Settings().database_url)

        def rows(transaction: Any) -> None:
            transaction.execute(insert(organisations), filled(organisations, id="o" * 32, name="O"))
            for number, (url, active) in enumerate(
                [("https://hooks.example.org/x", True), ("https://off.example.org/", False)]
            ):
                row = filled(webhooks, id=f"{number:032}", organisation_id="o" * 32, url=url, active=active)
                transaction.execute(insert(webhooks), row)
            row = filled(
                single_sign_on, organisation_id="o" * 32, issuer="https://accounts.google.com", domains="[]"
            )
            transaction.execute(insert(single_sign_on), row)

        await database.write(rows)
        await database.close()

    asyncio.run(write())
    monkeypatch.setenv("MOVER_SMTP_URL", "smtps://u:secret-word@mail.example.org")
    monkeypatch.setenv("MOVER_OTLP_ENDPOINT", "http://192.168.9.9:4318")
    monkeypatch.setenv("MOVER_AUDIT_SYSLOG", "tls://syslog.example.org")
    monkeypatch.setenv("MOVER_AUDIT_WEBHOOK", "https://siem.example.org/in")
    monkeypatch.setenv("MOVER_AUDIT_WEBHOOK_SECRET", WEBHOOK_SECRET)
    monkeypatch.setenv("MOVER_EGRESS_ALSO", "dropbox, nas.example.org:22, *.example.net:443, nonsense")
    monkeypatch.setenv("MOVER_GLOBAL_KEY_SOURCE__KIND", "aws-kms")
    monkeypatch.setenv("MOVER_GLOBAL_KEY_SOURCE__KEY", "arn:aws:kms:eu-central-1:1:key/x")
    out, said = listed()
    assert set(out.split()) == {
        "hooks.example.org:443",
        "accounts.google.com:443",
        "oauth2.googleapis.com:443",
        "openidconnect.googleapis.com:443",
        "www.googleapis.com:443",
        "mail.example.org:465",
        "syslog.example.org:6514",
        "siem.example.org:443",
        "192.168.9.9:4318",
        "kms.eu-central-1.amazonaws.com:443",
        "api.dropboxapi.com:443",
        "content.dropboxapi.com:443",
        "nas.example.org:22",
        "*.example.net:443",
    }
    assert "MOVER_EGRESS_ALSO" in said
    assert "secret-word" not in out + said


def test_json_tells_what_each_is_for_and_the_ways_beside_the_proxy(
    listed: Any, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = connect("sftp", {"host": "nas.example.org", "port": 22})
    monkeypatch.setenv("MOVER_TEMPORAL_ADDRESS", "temporal.example.org:7233")
    found = json.loads(listed("--format", "json")[0])
    (destination,) = found["through_proxy"]
    assert destination == {
        "host": "nas.example.org",
        "first_port": 22,
        "last_port": 22,
        "for": [f"connection {id_} (sftp)"],
    }
    assert found["proxy"] == "192.0.2.10:3128"
    assert found["own_parts"] == ["temporal.example.org:7233"]


def test_a_file_is_replaced_in_one_step_and_only_if_the_list_is_another_one(
    listed: Any, connect: Connect, tmp_path: Path
) -> None:
    file = tmp_path / "list"
    head = tmp_path / "head"
    head.write_text("logoutput: stderr")
    _, said = listed("--output", str(file), "--format", "dante", "--head", str(head))
    assert "was written" in said
    assert file.read_text().startswith("logoutput: stderr\n# Where")
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    before = file.stat()
    _, said = listed("--output", str(file), "--format", "dante", "--head", str(head))
    assert "is as it should be" in said
    assert file.stat() == before or file.stat().st_mtime_ns == before.st_mtime_ns
    connect("sftp", {"host": "nas.example.org", "port": 22})
    listed("--output", str(file), "--format", "dante", "--head", str(head))
    assert file.stat().st_ino != before.st_ino
    assert {path.name for path in tmp_path.iterdir()} == {"list", "head", "mover-home"}


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    "words", [("--output", "/nowhere/at/all"), ("--head", "/nowhere"), ("--format", "iptables")]
)
def test_what_cannot_be_done_is_said(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["egress", "allow-list", *words]) == 2
    assert words[1] in capsys.readouterr().err


@pytest.mark.servers
def test_squid_takes_the_list(connected: Any, tmp_path: Path) -> None:
    rules, _ = connected("--format", "squid")
    assert "evil" not in rules
    users = tmp_path / "users"
    users.touch()
    (tmp_path / "allow-list.conf").write_text(rules)
    text = (DEPLOY / "squid" / "squid.conf").read_text().replace("/etc/squid/mover/", f"{tmp_path}/")
    (tmp_path / "squid.conf").write_text(text)
    done = subprocess.run(
        [tool("squid"), "-k", "parse", "-f", tmp_path / "squid.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if "ERROR" in line or "FATAL" in line]
    allowed = [line for line in rules.splitlines() if line.startswith("http_access allow")]
    assert all(line.startswith("http_access allow CONNECT mover_") for line in allowed)


def looked_up(name: str) -> list[str]:
    return {"cloud.example.org": ["203.0.113.5", "2001:db8::5"]}.get(name, [])


@pytest.mark.servers
@pytest.mark.skipif(not can_jail(), reason="only root can make networks")
def test_dante_and_nftables_take_their_lists(
    connected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # dante wants the addresses of its machine; the rest of its file is as it is.
    head = (
        (DEPLOY / "dante" / "danted.conf")
        .read_text()
        .replace("192.0.2.10", "127.0.0.1")
        .replace("eth0", "lo")
    )
    (tmp_path / "head").write_text(head.replace("/var/log/danted.log", str(tmp_path / "log")))
    connected(
        "--format", "dante", "--head", str(tmp_path / "head"), "--output", str(tmp_path / "danted.conf")
    )
    rules = (tmp_path / "danted.conf").read_text()
    assert "evil" not in rules
    assert "# single:22 is left out" in rules
    done = subprocess.run(
        [tool("danted"), "-V", "-f", tmp_path / "danted.conf"], capture_output=True, check=False
    )
    assert done.returncode == 0, (tmp_path / "log").read_text()
    for proxy in ("http://192.0.2.10:3128", None):
        if proxy is None:
            monkeypatch.delenv("MOVER_PROXY")
            monkeypatch.setattr("mover.cli.egress._addresses", looked_up)
        sets, _ = connected("--format", "nftables")
        assert "evil" not in sets
        (tmp_path / "ways.nft").write_text(sets)
        text = (DEPLOY / "nftables" / "runner.nft").read_text()
        text = text.replace("/etc/mover/ways.nft", str(tmp_path / "ways.nft")).replace('"mover"', "30001")
        (tmp_path / "runner.nft").write_text(text)
        words = [tool("unshare"), "--net", "--", tool("nft"), "-c", "-f", str(tmp_path / "runner.nft")]
        done = subprocess.run(words, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        for direct in (
            "10.1.2.3 . 22",
            "203.0.113.5 . 8443",
            "2001:db8::5 . 8443",
            "# *.box.com:443 has no address",
        ):
            assert (direct in sets) == (proxy is None)
        assert ("192.0.2.10 . 3128" in sets) == (proxy is not None)


def test_kubernetes_takes_its_lists(connected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVER_TEMPORAL_ADDRESS", "10.7.7.7:7233")
    text, _ = connected("--format", "kubernetes")
    assert "evil" not in text
    (tmp_path / "made.yaml").write_text(text)
    for file in (tmp_path / "made.yaml", DEPLOY / "kubernetes" / "network-policies.yaml"):
        words = [sys.executable, "-m", "kubernetes_validate", "--strict", str(file)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    names, proxy, own = yaml.safe_load_all(text)
    assert names["data"]["allow-list.conf"].startswith("# Where")
    assert own["spec"]["egress"] == [
        {"to": [{"ipBlock": {"cidr": "10.7.7.7/32"}}], "ports": [{"protocol": "TCP", "port": 7233}]}
    ]
    alone = [rule for rule in proxy["spec"]["egress"] if rule["to"] == [{"ipBlock": {"cidr": "10.1.2.3/32"}}]]
    assert alone
    everywhere = next(rule for rule in proxy["spec"]["egress"] if len(rule["to"]) == 2)
    assert "127.0.0.0/8" in everywhere["to"][0]["ipBlock"]["except"]


def test_policies_give_runners_no_way_in_and_no_names() -> None:
    policies = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "network-policies.yaml").read_text()))
    by_name = {policy["metadata"]["name"]: policy["spec"] for policy in policies}
    assert by_name["mover-nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    runner = by_name["mover-runner"]
    assert runner["ingress"] == []
    assert {port["port"] for rule in runner["egress"] for port in rule["ports"]} == {3128, 5432, 7233}
    assert all("podSelector" in to for rule in runner["egress"] for to in rule["to"])
