"""People at a browser, over TLS, with the real engine behind the pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pyrage  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.servers.s3 import S3Server
from tests.servers.ssh import SftpServer
from tests.web.browsing import PASSWORD, accessibility, sitting
from tests.web.office import HOSTILE, Office
from tests.web.served import Served, served

pytestmark = [pytest.mark.slow, pytest.mark.servers]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as at:
        yield at


def choose(page: Page, side: str, name: str) -> None:
    page.get_by_role("radio", name=name).check()
    expect(page.locator(f"#picker-{side} .picker-list")).to_be_visible()


def test_from_the_first_run_to_the_report(  # noqa: PLR0915 - one story
    browser: Browser,
    empty: Served,
    sshd_server: SftpServer,
    seaweedfs_plain_server: S3Server,
    tmp_path: Path,
):
    folder = sshd_server.root / "from-the-browser"
    (folder / "Photos").mkdir(parents=True)
    for n in range(30):
        (folder / "Photos" / f"picture {n}.jpg").write_bytes(bytes([n]) * 20_000)
    seaweedfs_plain_server.client().create_bucket(Bucket="from-the-browser")

    with sitting(browser, empty, accept_downloads=True) as at:
        page = at.page
        at.go("/")
        expect(page).to_have_url(f"{empty.url}/welcome")
        assert accessibility(page) == []
        page.get_by_label("Name of your organisation").fill("Example Ltd")
        page.get_by_label("Your name").fill("Olga Marin")
        page.get_by_label("Your mail address").fill("olga@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_role("heading", name="Welcome, Olga Marin")).to_be_visible()
        assert accessibility(page) == []

        page.get_by_role("link", name="Connect a service").click()
        page.locator("a[href='/connections/new/sftp']").click()
        page.get_by_label("Name of the connection").fill("nas")
        page.get_by_label("Server").fill(sshd_server.host)
        page.get_by_label("User name").fill(sshd_server.username)
        page.get_by_label("Password").fill("wrong")
        page.get_by_text("More settings").click()
        page.get_by_label("Port").fill(str(sshd_server.port))
        at.expected = ("422",)  # the answer to a form with something wrong in it
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_text("Check user name and password")).to_be_visible()
        page.get_by_label("Password").fill(sshd_server.password)
        page.get_by_role("button", name="Sign in and save").click()
        expect(page.get_by_text("nas is connected.")).to_be_visible()

        page.get_by_role("link", name="Connect a service").click()
        page.locator("a[href='/connections/new/s3']").click()
        page.get_by_label("Name of the connection").fill("bucket")
        page.get_by_label("Endpoint").fill(seaweedfs_plain_server.url)
        page.get_by_label("Bucket", exact=False).first.fill("from-the-browser")
        page.get_by_label("Access key ID").fill(seaweedfs_plain_server.access_key)
        page.get_by_label("Secret access key").fill(seaweedfs_plain_server.secret_key)
        page.get_by_text("More settings").click()
        page.get_by_label("Allow connections that are not encrypted").check()
        page.get_by_role("button", name="Sign in and save").click()
        expect(page.get_by_text("bucket is connected.")).to_be_visible()
        page.get_by_role("button", name="Test bucket").click()
        expect(page.get_by_text("It works:")).to_be_visible()

        at.go("/migrations/new")
        choose(page, "source", "nas")
        page.get_by_role("button", name="upload", exact=True).click()
        page.get_by_role("button", name="from-the-browser", exact=True).focus()
        page.keyboard.press("ArrowRight")  # by the keyboard, too
        expect(page.get_by_label("Chosen folder")).to_have_value("/upload/from-the-browser")
        assert accessibility(page, widths=(1440,)) == []
        page.get_by_role("button", name="Continue").click()
        choose(page, "destination", "bucket")
        page.get_by_text("New folder", exact=True).click()
        page.get_by_label("Name of the new folder").fill("arrived")
        page.get_by_role("button", name="Create", exact=True).click()
        expect(page.get_by_label("Chosen folder")).to_have_value("/arrived")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_label("Name of the move")).to_have_value("nas to bucket")
        assert accessibility(page) == []
        page.get_by_role("button", name="Create the move").click()

        # Without loading the page again.
        expect(page.locator("#pair-status")).to_contain_text("Success")
        expect(page.locator("#pair-figures")).to_contain_text("30 of 30 files")
        page.get_by_role("link", name="Log", exact=True).click()
        expect(page.get_by_text("/Photos/picture 7.jpg")).to_be_visible()
        page.get_by_role("link", name="Overview").click()
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Proof of both sides").click()
        waiting.value.save_as(tmp_path / "proof.jsonl")

    lines = (tmp_path / "proof.jsonl").read_text().splitlines()
    assert sum("picture" in line for line in lines) == 30
    assert all(json.loads(line) for line in lines)
    stored = seaweedfs_plain_server.client().list_objects_v2(
        Bucket="from-the-browser", Prefix="arrived/Photos/"
    )
    assert stored["KeyCount"] >= 30


def test_five_hundred_pairs_from_a_table(browser: Browser, office: Office, tmp_path: Path):  # noqa: PLR0915 - one story
    served_at, path = office.served, f"/migrations/{office.migration_id}"
    lines = [f"/Teams/{n},/Moved/{n},batch" for n in range(500)]
    good = tmp_path / "pairs.csv"
    good.write_text("\r\n".join(["Source Path,Destination Path,Tags", *lines]))
    bad = tmp_path / "bad.csv"
    bad.write_text("Source Path,Destination Path,Tags\r\n/a,/b,\r\n/only-one-column\r\n/c/../d,/e,\r\n")
    served_at.worker.holds = True
    try:
        with sitting(browser, served_at) as at:
            page = at.page
            at.sign_in("operator@example.org")
            at.go(f"{path}/pairs/new")
            page.get_by_label("CSV file").set_input_files(bad)
            page.get_by_role("button", name="Look at it").click()
            expect(page.get_by_text("2 lines of 3 cannot be taken.")).to_be_visible()
            assert accessibility(page, widths=(1440,)) == []
            page.get_by_role("link", name="Choose another file").click()
            page.get_by_label("CSV file").set_input_files(good)
            page.get_by_role("button", name="Look at it").click()
            page.get_by_role("button", name="Import 500 pairs").click()
            expect(page.get_by_text("500 pairs imported.")).to_be_visible()

            page.get_by_label("Filter").fill("tag:batch")
            expect(page.get_by_text("100 of 500 pairs shown")).to_be_visible()
            page.get_by_label("Choose all pairs that are shown").check()
            page.get_by_label("All 500 that match").check()
            page.get_by_role("button", name="Start", exact=True).click()
            expect(page.get_by_text("500 pairs start.")).to_be_visible()
            # One more waits for its automatic run.
            expect(page.get_by_text("Queued 501")).to_be_visible()

            page.get_by_label("Filter").fill("tag:batch source:/Teams/49")
            expect(page.get_by_text("of 11 pairs shown")).to_be_visible()
            page.get_by_label("Choose all pairs that are shown").check()
            expect(page.get_by_text("11 chosen")).to_be_visible()
            page.get_by_role("button", name="Pause", exact=True).click()
            expect(page.get_by_text("11 pairs will pause.")).to_be_visible()
            expect(page.get_by_text("Paused 11")).to_be_visible()

            page.get_by_label("Filter").fill("status:paused")
            # As many as before: the address tells that the table is the new one.
            expect(page).to_have_url(re.compile("filter=status%3Apaused"))
            expect(page.get_by_text("of 11 pairs shown")).to_be_visible()
            page.get_by_role("checkbox", name="/Teams/490").check()
            page.get_by_role("button", name="Resume", exact=True).click()
            expect(page.get_by_text("1 pair will go on.")).to_be_visible()
            expect(page.get_by_text("Paused 10")).to_be_visible()

            page.get_by_label("Filter").fill("/Teams\\/(1|2)$/")
            expect(page.get_by_text("of 2 pairs shown")).to_be_visible()
            page.get_by_label("Filter").fill("status:lost")
            expect(page.get_by_text("The filter cannot be understood.")).to_be_visible()

            page.get_by_label("Filter").fill("tag:batch")
            expect(page.get_by_text("100 of 500 pairs shown")).to_be_visible()
            page.get_by_label("Choose all pairs that are shown").check()
            page.get_by_label("All 500 that match").check()
            page.get_by_role("button", name="Cancel", exact=True).click()
            expect(page.get_by_text("500 pairs will be canceled.")).to_be_visible()
            expect(page.get_by_text("Canceled 500")).to_be_visible()
            page.get_by_label("Choose all pairs that are shown").check()
            page.get_by_label("All 500 that match").check()
            page.get_by_role("button", name="Delete", exact=True).click()
            page.get_by_role("button", name="Delete", exact=True).click()
            expect(page.get_by_text("500 pairs deleted.")).to_be_visible()
    finally:
        served_at.worker.holds = False


def test_axe_finds_nothing_on_any_page_and_all_stands_in_its_place(browser: Browser, office: Office):
    with sitting(browser, office.served) as at:
        at.go("/sign-in")
        found = accessibility(at.page)
        at.go("/forgotten")
        found += accessibility(at.page)
        at.sign_in("owner@example.org")
        at.expected = ("404",)
        for path in (*office.pages, "/nothing/here", "/offline"):
            at.go(path)
            found += accessibility(at.page)
        assert found == [], "\n".join(found[:20])


def test_what_a_viewer_may_not_is_not_there(browser: Browser, office: Office):
    with sitting(browser, office.served) as at:
        at.sign_in("viewer@example.org")
        menu = at.page.get_by_role("navigation", name="Main")
        assert menu.get_by_role("link").all_inner_texts() == [
            "Home",
            "Migrations",
            "Connections",
            "Maps",
            "Schedules",
            "Reports",
            "People",
        ]
        for path in (
            "/",
            "/connections",
            "/maps",
            "/schedules",
            "/migrations",
            f"/migrations/{office.migration_id}",
        ):
            at.go(path)
            main = at.page.get_by_role("main")
            for word in (
                "New move",
                "New schedule",
                "Start",
                "Connect a",
                "Delete",
                "Add",
                "Pause",
                "Create",
                "Test",
            ):
                assert main.get_by_role("button", name=word).count() == 0, (path, word)
                assert main.get_by_role("link", name=word).count() == 0, (path, word)
        at.go(f"/pairs/{office.pair_id}")
        expect(at.page.locator("#pair-status")).to_contain_text("Success")
        assert at.page.get_by_role("button", name="Start again").count() == 0


def test_without_scripts_one_signs_in_and_starts_a_move(browser: Browser, office: Office):
    with sitting(browser, office.served, java_script_enabled=False) as at:
        page = at.page
        at.sign_in("operator@example.org")
        at.go("/migrations/new")
        page.get_by_role("radio", name="office").check()
        page.get_by_role("textbox", name="Folder").fill("/Finance")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("radio", name="archive").check()
        page.get_by_role("textbox", name="Folder").fill("/Without scripts")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Name of the move").fill("Plain pages")
        page.get_by_role("button", name="Create the move").click()
        expect(page.get_by_text("The move begins.")).to_be_visible()
        while "Success" not in page.locator("#pair-status").inner_text():
            page.reload()
        assert (office.served.home / "files" / "archive" / "Without scripts" / HOSTILE).exists()


def test_a_scan_shows_what_the_move_will_cost(browser: Browser, office: Office):
    with sitting(browser, office.served) as at:
        page = at.page
        at.sign_in("operator@example.org")
        at.go("/migrations/new")
        page.get_by_role("radio", name="office").check()
        page.get_by_role("textbox", name="Folder").fill("/Finance")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("radio", name="archive").check()
        page.get_by_role("textbox", name="Folder").fill("/Looked at")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Name of the move").fill("Look first")
        page.get_by_role("radio", name="Look first").check()
        page.get_by_role("button", name="Create the move").click()
        cost = page.locator("#pair-figures section").filter(has_text="What the move will cost")
        expect(cost).to_contain_text("Nobody counts the calls to either side.", timeout=20_000)
        expect(cost).to_contain_text("Not known: nothing that tells the pace has been moved")
        assert accessibility(page) == []


@pytest.mark.promise("P11")
def test_a_move_is_sealed_for_a_key_that_mover_never_has(browser: Browser, office: Office):
    key = pyrage.x25519.Identity.generate()
    with sitting(browser, office.served) as at:
        page = at.page
        at.expected = ("422",)  # the private key that is refused
        at.sign_in("operator@example.org")
        at.go("/migrations/new")
        choose(page, "source", "office")
        page.get_by_label("Chosen folder").fill("/Finance")
        page.get_by_role("button", name="Continue").click()
        choose(page, "destination", "archive")
        page.get_by_label("Chosen folder").fill("/Sealed")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Name of the move").fill("Sealed")
        page.get_by_text("Encryption of your own").click()
        page.get_by_label("Files at the destination").select_option("Sealed for public keys")
        page.get_by_label("Public keys").fill(str(key))
        expect(page.get_by_text("The destination can neither show, search, convert")).to_be_visible()
        assert accessibility(page) == []
        page.get_by_role("button", name="Create the move").click()

        expect(page.get_by_text("that is a private key").first).to_be_visible()
        assert str(key) not in page.content()
        assert accessibility(page, widths=(390,)) == []
        page.get_by_label("Public keys").fill(str(key.to_public()))
        page.get_by_role("button", name="Create the move").click()
        expect(page.locator("#pair-status")).to_contain_text("Success")
        page.get_by_role("link", name="Log", exact=True).click()
        expect(page.get_by_text("sealed; verified by the hash of the ciphertext").first).to_be_visible()
    there = office.served.home / "files" / "archive" / "Sealed" / f"{HOSTILE}.age"
    assert pyrage.decrypt(there.read_bytes(), [key])
    opened_again(browser, office, key)


def opened_again(browser: Browser, office: Office, key: pyrage.x25519.Identity) -> None:
    with sitting(browser, office.served) as at:
        page = at.page
        at.sign_in("operator@example.org")
        at.go("/migrations/new")
        choose(page, "source", "archive")
        page.get_by_label("Chosen folder").fill("/Sealed")
        page.get_by_role("button", name="Continue").click()
        choose(page, "destination", "office")
        page.get_by_label("Chosen folder").fill("/Opened")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Name of the move").fill("Opened")
        page.get_by_text("Encryption of your own").click()
        page.get_by_label("Encrypted files at the source").select_option(
            "Are opened with a private key (age)"
        )
        page.get_by_role("button", name="Create the move").click()
        page.get_by_role("link", name="Give the key").first.click()
        assert accessibility(page) == []
        page.get_by_label("Private key that opens the files").fill(f"# mine\n{key}\n")
        page.get_by_role("button", name="Give to the runs that wait").click()
        expect(page.locator("#pair-status")).to_contain_text("Success")
        assert str(key) not in page.content()
    opened, sealed = (office.served.home / "files" / place for place in ("office/Opened", "archive/Sealed"))
    assert (opened / HOSTILE).read_bytes() == pyrage.decrypt((sealed / f"{HOSTILE}.age").read_bytes(), [key])


def test_hostile_names_are_shown_and_do_nothing(browser: Browser, office: Office):
    with sitting(browser, office.served) as at:
        at.sign_in("owner@example.org")
        at.go(f"/pairs/{office.pair_id}/items")
        shown = at.page.get_by_text("<img src=x onerror=")
        expect(shown).to_be_visible()
        assert "⟨U+202E⟩" in shown.inner_text()
        assert "\u202e" not in at.page.content()


def test_what_became_of_a_pair_and_how_fast_is_drawn_with_the_figures_beside_it(
    browser: Browser, office: Office
):
    with sitting(browser, office.served) as at:
        at.sign_in("viewer@example.org")
        at.go(f"/pairs/{office.pair_id}")
        outcomes = at.page.get_by_role("img", name="Copied: 13.")
        speed = at.page.get_by_role("img", name="Speed: at most 2.1 MB/s")
        drawn = speed.locator("polyline").get_attribute("points") or ""
        at.page.get_by_text("Figures as a table").click()
        table = at.page.get_by_role("region", name="Speed, as a table")

        assert outcomes.locator("rect").count() == 1
        assert len(drawn.split()) == 11
        assert table.get_by_role("row").count() == 1 + 11
        expect(table.get_by_text("2.1 MB/s")).to_be_visible()


def test_dialogs_open_by_the_keyboard_and_close_with_escape(browser: Browser, office: Office):
    with sitting(browser, office.served) as at:
        page = at.page
        at.sign_in("owner@example.org")
        at.go("/connections")
        opener = page.get_by_role("link", name="Delete office")
        opener.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Delete office?")
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(opener).to_be_focused()


def test_light_and_dark_can_be_chosen_and_stay(browser: Browser, office: Office):
    with sitting(browser, office.served, color_scheme="light") as at:
        page = at.page
        at.go("/sign-in")
        before = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != before
        at.sign_in("owner@example.org")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_passkey_is_added_and_then_is_all_that_is_needed(browser: Browser, office: Office):
    office.let_in("passkey@example.org")
    with sitting(browser, office.served) as at:
        page = at.page
        key = page.context.new_cdp_session(page)
        key.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
        }
        key.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        at.sign_in("passkey@example.org")
        at.go("/profile")
        page.get_by_label("Name of a new passkey").fill("My laptop")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_text("My laptop is added.")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.locator("form[action='/sign-out']").first).to_be_attached()
        expect(page).to_have_url(f"{office.served.url}/")


def test_a_second_factor_is_set_up_and_asked_for(browser: Browser, office: Office):
    office.let_in("factor@example.org")
    with sitting(browser, office.served) as at:
        page = at.page
        at.sign_in("factor@example.org")
        at.go("/profile")
        page.get_by_role("button", name="Set it up").click()
        expect(page.get_by_role("img", name="Code to scan")).to_be_visible()
        assert accessibility(page, widths=(390,)) == []
        page.get_by_text("It cannot be scanned").click()
        secret = page.locator("details code").inner_text()
        page.get_by_label("The code that the app shows").fill(pyotp.TOTP(secret).now())
        page.get_by_role("button", name="Use it from now on").click()
        codes = page.locator("#codes li").all_inner_texts()
        assert len(set(codes)) == 10
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Mail address").fill("factor@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", name="One more step")).to_be_visible()
        assert accessibility(page, widths=(390,)) == []
        page.get_by_label("Code").fill(codes[0])
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("form[action='/sign-out']").first).to_be_attached()


def test_permissions_of_a_run_are_shown_searched_and_chosen(browser: Browser, office: Office):
    with sitting(browser, office.served, accept_downloads=True) as at:
        page = at.page
        at.sign_in("owner@example.org")
        at.go(f"/pairs/{office.pair_id}/permissions")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(11)
        expect(page.locator("img[src=x]")).to_have_count(0)
        page.get_by_label("Which permissions").select_option(label="Would see too much")
        expect(rows).to_have_count(1)
        page.get_by_label("Which permissions").select_option(label="All permissions")
        page.get_by_label("Part of a path or a name").fill("PERSON3@")
        page.get_by_role("button", name="Filter").click()
        expect(rows).to_have_count(1)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").click()
        assert "person3@old.example" in Path(download.value.path()).read_text()
        at.go(f"/pairs/{office.pair_id}/settings")
        page.get_by_text("Who has access there").click()
        page.get_by_label("Shares", exact=True).select_option(label="Share again with the same people")
        page.get_by_label("What more people would see than before").select_option(
            label="Put it there all the same"
        )
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Made again through the map")).to_be_visible()
        at.go(f"/pairs/{office.pair_id}/settings")
        expect(page.get_by_label("Shares", exact=True)).to_have_value("apply")
        page.get_by_label("Shares", exact=True).select_option(label="As the migration says")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Made again through the map")).to_have_count(0)
