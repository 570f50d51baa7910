"""Forms made from what connectors have to know."""

from __future__ import annotations

from pathlib import Path

import pytest

from mover.connections.filled_in import filled_in
from mover.connections.service_rules import ServiceRules
from mover.connectors.registry import connector_type, service_names
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret
from mover.web.connector_forms import PREFIX, blame, fields_of, read_values, shown_values
from mover.web.forms import Form
from mover.web.service_needs import service_needs


def form_of(service: str):
    kind = connector_type(service)
    return kind, fields_of(kind, ServiceRules().keys(kind))


@pytest.mark.parametrize("service", [name for name in service_names() if name != "local"])
def test_every_service_has_a_form_in_plain_words(service):
    kind, fields = form_of(service)
    # Where people sign in at the service's own page nothing has to be filled in here.
    assert any(field.first for field in fields) or kind.oauth is not None
    for field in fields:
        assert field.name.startswith(PREFIX)
        assert "_" not in field.label
        assert not field.hint or (field.hint.endswith(".") and not field.hint[0].islower())
        assert not field.hint.startswith(("True", "False")), "is the command line's"
        assert field.hint.rstrip(".").lower() != field.label.lower()
        assert "path of its file" not in field.hint
    known = set(kind.config.model_fields)
    assert {field.key for field in fields} <= known


def test_what_an_administrator_has_to_allow_is_what_the_pages_of_the_services_say():
    for service, page in (("office365", "microsoft"), ("google-admin", "google"), ("box-enterprise", "box")):
        needs = service_needs(service)
        assert needs is not None
        text = (Path(__file__).parents[2] / "docs" / "services" / f"{page}.md").read_text()
        assert [one for one in needs[1] if one not in text] == []
    assert service_needs("onedrive") is None


def test_nothing_that_names_a_file_of_the_server_is_asked():
    keys = {field.key for name in service_names() if name != "local" for field in form_of(name)[1]}
    assert not keys & {"ca_file", "client_certificate", "client_key", "agent", "host_key"}


def test_what_was_filled_in_is_taken_by_the_connector():
    kind, fields = form_of("sftp")
    values = read_values(
        fields,
        {
            "key-host": "files.example.org ",
            "key-port": "22",
            "key-username": "ann",
            "key-password": " spaces count ",
            "key-private_key": "",
            "key-remote_checksums": "off",
            "something-else": "x",
        },
    )
    assert {key: value.reveal() for key, value in values.items()} == {
        "host": "files.example.org",
        "username": "ann",
        "password": " spaces count ",
        "remote_checksums": "off",
    }
    assert filled_in(kind.config, values).config.model_dump()["port"] == 22


def test_what_is_usually_on_can_be_switched_off():
    kind, fields = form_of("ftp")
    chosen = {"key-host": "h", "key-username": "u", "key-password": "p", "key-plain": "true"}
    for said, meant in (("true", True), ("false", False)):
        values = read_values(fields, chosen | {"key-extended_passive": said})
        saved = filled_in(kind.config, values).config.model_dump()
        assert saved["extended_passive"] is meant
        assert shown_values(fields, saved)["key-extended_passive"] == said


def test_certificates_and_keys_keep_their_lines():
    for service, key in (("office365", "certificate"), ("office365", "private_key"), ("sftp", "private_key")):
        [field] = [field for field in form_of(service)[1] if field.key == key]
        assert (field.kind, field.first) == ("long_secret", True)


def test_pasted_keys_get_the_line_ends_of_key_files():
    _, fields = form_of("sftp")
    values = read_values(fields, {"key-private_key": "-----BEGIN\r\nabc\r\n-----END\r\n"})
    assert values["private_key"].reveal() == "-----BEGIN\nabc\n-----END\n"


def test_each_complaint_stands_beside_its_field():
    kind, fields = form_of("s3")
    form = Form()
    with pytest.raises(InvalidConfiguration) as caught:
        filled_in(kind.config, {"access_key": Secret("x"), "bucket": "a/b", "region": "nowhere!"})
    blame(form, caught.value, fields)
    assert form.faults["key-secret_key"] == "Secret access key: this is needed."
    assert form.faults["key-bucket"].startswith("Bucket: must be the name of a bucket")
    assert "key-region" in form.faults


def test_complaints_about_the_whole_speak_of_labels_not_of_keys():
    kind, fields = form_of("sftp")
    form = Form()
    with pytest.raises(InvalidConfiguration) as caught:
        filled_in(kind.config, {"host": "h", "username": "u"})
    blame(form, caught.value, fields)
    assert "“Password”" in form.faults[""]
    assert "private_key" not in form.faults[""]


def test_a_saved_configuration_comes_back_without_secrets():
    _, fields = form_of("s3")
    values = shown_values(fields, {"bucket": "b", "plain": True})
    assert values["key-bucket"] == "b"
    assert values["key-plain"] == "yes"
    assert values["key-path_style"] == "auto"
