"""The real command and real Swift: kills, bad networks, throttling, quotas, tokens that end, and secrets."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.command import Mover
from tests.e2e.killing import is_empty, killed_at_random
from tests.e2e.ledger_file import LedgerFile, read_ledger
from tests.e2e.places import files_below, put, swift_values
from tests.e2e.requests_seen import RequestsSeen
from tests.e2e.searching import Needle, found_in_files, found_in_process
from tests.e2e.throttling import Throttle, throttling
from tests.e2e.unreliable import Fault, Trouble, UnreliableProxy, Way, unreliable
from tests.servers.openstack import SwiftServer

from mover.errors import QuotaExceeded

MIB = 1 << 20

Moment = Callable[[LedgerFile], bool]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def some_files(seed: int, *, small: int, large: int = 0) -> dict[str, bytes]:
    rng = random.Random(seed)
    files = {f"/{n % 5}/file {n}": rng.randbytes(rng.randint(0, 20_000)) for n in range(small)}
    return files | {f"/large {n}": rng.randbytes(33 * MIB + n) for n in range(large)}


def some_have_arrived(ledger: LedgerFile) -> bool:
    return len(ledger.finished) > 10


def a_part_was_sent(ledger: LedgerFile) -> bool:
    return bool(ledger.parts)


def many_parts_were_sent(ledger: LedgerFile) -> bool:
    return len(ledger.parts) > 20


def at(mover: Mover, moment: Moment) -> Callable[[], bool]:
    """Make a check that a run has come to a moment, by its ledger."""
    return lambda: moment(read_ledger(mover.home))


def segments_in(server: SwiftServer, container: str) -> set[str]:
    """Everything that stands beside a container for its large objects."""
    return {f"/{container}_segments/{name}" for name in server.account().names(f"{container}_segments")}


def named_by_manifests(server: SwiftServer, container: str, *names: str) -> set[str]:
    """The segments of which large objects consist."""
    account = server.account()
    manifests = (account.get(f"{container}/{name}", query="multipart-manifest=get") for name in names)
    return {segment["name"] for manifest in manifests for segment in json.loads(manifest)}


@pytest.fixture
def proxy(swift_node: SwiftServer) -> Iterator[UnreliableProxy]:
    with unreliable(swift_node.plain_port) as found:
        yield found


def test_killed_again_and_again_on_its_way_to_swift_nothing_is_lost_sent_twice_or_found_anywhere(
    tmp_path: Path, swift_node: SwiftServer, proxy: UnreliableProxy
) -> None:
    mover = Mover(tmp_path / "mover", MOVER_STAGING_MEMORY_BYTES="1MiB")  # the rest goes to disk
    canary = "canary 7c0e4d1b-52aa-41f3 of a customer"
    files = some_files(1, small=100, large=1)
    files |= {f"/canary {n}": (canary + f"{n}").encode() * 200 for n in range(20)}
    files |= {"/large with canary": (canary.encode() + bytes(4000)) * 8500}
    put(tmp_path / "source", files)
    needles = [
        Needle.of("content", canary),
        Needle.of("password", swift_node.password),
        Needle.of("token", swift_node.account().token),
    ]
    assert found_in_files([tmp_path / "source"], needles[:1])  # it can be found
    seen = RequestsSeen()
    proxy.watch = seen.watch
    mover.connect("swift", "cold", swift_values(swift_node, "kill", plain_port=proxy.port))
    command = ("copy", str(tmp_path / "source"), "cold:/", "--bwlimit", "14M", "--json")
    kills: list[tuple[LedgerFile, int]] = []
    for moment in (some_have_arrived, a_part_was_sent, many_parts_were_sent):
        running = mover.start(*command)
        running.runs_until(at(mover, moment))
        assert found_in_process(running.pid, needles) == []
        running.kill()
        kills.append((read_ledger(mover.home), len(seen.all)))
        assert found_in_files([tmp_path / "mover"], needles) == []
    kills += [
        (killed.ledger, len(seen.all))
        for killed in killed_at_random(mover, command, times=2, seed=2, longest_s=0.5)
    ]

    done = mover.run(*command, code=0)

    assert done.result["copied"] == len(files)
    assert swift_node.account().objects("kill") == files  # nothing missing, nothing twice, nothing damaged
    # Of the segments none is of an earlier attempt.
    assert segments_in(swift_node, "kill") == named_by_manifests(
        swift_node, "kill", "large 0", "large with canary"
    )
    assert is_empty(mover)
    for ledger, before in kills:
        puts = {request.path for request in seen.all[before:] if request.method == "PUT"}
        assert not puts & {f"/v1/AUTH_mover/kill{path}" for path in ledger.finished}
        assert not puts & segments_of(ledger)
    mover.run("report", "1", "--output", mover.person / "report", code=0)
    assert found_in_files([tmp_path / "mover"], needles) == []
    assert not [needle for needle in needles if needle.spellings[0] in (done.out + done.err).encode()]


def segments_of(ledger: LedgerFile) -> set[str]:
    """Paths of the segments that the ledger knows; the token's third, fourth and sixth field name them."""
    return {
        f"/v1/AUTH_mover/{known[2]}/{known[3]}/{known[5]}/{number:08}"
        for known, number in ((json.loads(token), number) for _, token, number in ledger.parts)
    }


@pytest.mark.parametrize(
    ("trouble", "way", "large"), [(Trouble.RESET, Way.TO_SERVER, 1), (Trouble.STALL, Way.TO_CLIENT, 0)]
)
def test_connections_that_break_or_stall_lose_nothing(
    trouble: Trouble, way: Way, large: int, tmp_path: Path, swift_node: SwiftServer, proxy: UnreliableProxy
) -> None:
    impatient = Mover(tmp_path / "mover", MOVER_READ_TIMEOUT_S="2", MOVER_ANSWER_TIMEOUT_S="5")
    files = some_files(2, small=30, large=large) | {"/stream": random.Random(3).randbytes(9 * MIB)}
    put(tmp_path / "source", files)
    container = f"network-{trouble.name}-{way.name}".lower()
    impatient.connect("swift", "cold", swift_values(swift_node, container, plain_port=proxy.port))

    def add_faults() -> list[Fault]:
        return [proxy.add(trouble, way, after) for after in (60_000, 3 * MIB)]

    faults = add_faults() if way is Way.TO_SERVER else []
    there = impatient.copy(tmp_path / "source", "cold:/")
    faults = faults or add_faults()
    back = impatient.copy("cold:/", tmp_path / "back")

    assert any(fault.happened for fault in faults)
    assert (there["copied"], there["failed"], back["copied"], back["failed"]) == (len(files), 0) * 2
    assert swift_node.account().objects(container) == files
    assert files_below(tmp_path / "back") == files
    assert is_empty(impatient)


def test_bytes_changed_on_their_way_are_noticed_and_sent_again(
    mover: Mover, tmp_path: Path, swift_node: SwiftServer, proxy: UnreliableProxy
) -> None:
    files = {f"/{n}": random.Random(n).randbytes(200_000) for n in range(8)}
    put(tmp_path / "source", files)
    mover.connect("swift", "cold", swift_values(swift_node, "corrupt", plain_port=proxy.port))
    up = proxy.add(Trouble.CORRUPT, Way.TO_SERVER, 100_000, times=2)
    mover.copy(tmp_path / "source", "cold:/")
    down = proxy.add(Trouble.CORRUPT, Way.TO_CLIENT, 100_000, times=2)
    mover.copy("cold:/", tmp_path / "back")

    assert (up.happened, down.happened) == (2, 2)
    assert swift_node.account().objects("corrupt") == files
    assert files_below(tmp_path / "back") == files


def once_at(number: int) -> Callable[[int, str, str], bool]:
    """One call too many: the `number`-th PUT."""
    puts = itertools.count(1)
    return lambda _at_once, method, _path: method == "PUT" and next(puts) == number


def test_too_large_with_a_wish_for_a_pause_is_obeyed_by_the_whole_account(
    mover: Mover, tmp_path: Path, swift_node: SwiftServer
) -> None:
    files = {f"/{n}": bytes([n]) * 2_000 for n in range(30)}
    put(tmp_path / "source", files)
    throttle = Throttle(413, False, 2, once_at(10))  # as Rackspace throttles
    container = "throttled"
    with throttling(throttle, swift_node.plain_port):
        mover.connect("swift", "cold", swift_values(swift_node, container, plain_port=throttle.port))
        throttle.calls.clear()
        result = mover.copy(tmp_path / "source", "cold:/")

    assert (result["copied"], result["failed"]) == (len(files), 0)
    assert swift_node.account().objects(container) == files
    (refused,) = (call for call in throttle.calls if call.throttled_s)
    again = next(call for call in throttle.calls if call.path == refused.path and call.at > refused.at)
    assert again.at - refused.at >= 2
    times = [call.at for call in throttle.calls]
    assert max(b - a for a, b in itertools.pairwise(times)) >= 1.5  # nobody else called meanwhile


def test_a_quota_is_a_reason_and_the_same_command_goes_on_when_there_is_room(
    mover: Mover, tmp_path: Path, swift_node: SwiftServer
) -> None:
    files = {f"/{n}": random.Random(n).randbytes(100_000 if n % 2 else 600_000) for n in range(8)}
    put(tmp_path / "source", files)
    mover.connect("swift", "cold", swift_values(swift_node, "quota"))
    account = swift_node.account()
    copying = mover.start("copy", tmp_path / "source", "cold:/", "--bwlimit", "500K", "--json")
    copying.runs_until(lambda: account.objects("quota") != {})
    account.call(
        "POST", "quota", X_Container_Meta_Quota_Bytes="100"
    )  # else it would be refused before anything is sent
    result = copying.wait().result

    assert {(problem["reason"], problem["advice"]) for problem in mover.problems(result["run"])} == {
        ("quota", QuotaExceeded.advice)
    }
    arrived = account.objects("quota")
    assert all(files[path] == content for path, content in arrived.items())
    account.call("POST", "quota", X_Remove_Container_Meta_Quota_Bytes="x")
    assert mover.copy(tmp_path / "source", "cold:/")["failed"] == 0
    assert account.objects("quota") == files


def test_tokens_that_end_in_the_middle_of_a_move_are_renewed(
    mover: Mover, tmp_path: Path, swift_node: SwiftServer
) -> None:
    files = some_files(5, small=60, large=1)
    put(tmp_path / "source", files)
    mover.connect("swift", "cold", swift_values(swift_node, "tokens"))
    running = mover.start("copy", tmp_path / "source", "cold:/", "--bwlimit", "24M", "--json")
    for moment in (some_have_arrived, a_part_was_sent):
        running.runs_until(at(mover, moment))
        swift_node.forget_tokens()
    done = running.wait()

    assert (done.code, done.result["copied"], done.result["failed"]) == (0, len(files), 0), done
    assert swift_node.account().objects("tokens") == files


def test_an_account_comes_back_whole_without_the_segments_that_its_large_objects_consist_of(
    mover: Mover, tmp_path: Path, swift_node: SwiftServer
) -> None:
    files = {
        "/round trip/a": b"a",
        "/round trip/deep/b": b"",
        "/round trip/large": some_files(6, small=0, large=1)["/large 0"],
    }
    put(tmp_path / "source", files)
    (tmp_path / "source" / "round trip" / "nothing in it").mkdir()
    mover.connect("swift", "all", swift_values(swift_node, None))
    assert mover.copy(tmp_path / "source", "all:/")["copied"] == len(files)
    assert mover.copy(tmp_path / "source", "all:/")["skipped"] == len(files)
    account = swift_node.account()
    account.put("round trip/dynamic", X_Object_Manifest="round trip_segments/large/")
    files["/round trip/dynamic"] = files["/round trip/large"]

    result = mover.copy("all:/", tmp_path / "back", "--include", "/round trip*/**")

    assert files_below(tmp_path / "back") == files
    assert (tmp_path / "back" / "round trip" / "nothing in it").is_dir()
    times = [(tmp_path / end / "round trip" / "a").stat().st_mtime_ns for end in ("source", "back")]
    assert times[0] == times[1]
    (passed_over,) = (
        item for item in mover.report(result["run"]) if item.get("path") == "/round trip_segments"
    )
    assert passed_over["state"] == "excluded"
    assert "segments of large objects" in passed_over["message"]
