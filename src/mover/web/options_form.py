"""The options of a move as fields of a form, in plain words."""

from __future__ import annotations

import re

from mover.errors import InvalidConfiguration
from mover.migrations.options import PairOptions, SharingChoice, check_options
from mover.migrations.timetable import Window
from mover.transfer.options import MOST_VERSIONS, ConflictRule, VerifyLevel
from mover.transfer.sharing_rules import Unmapped, Wider
from mover.web.forms import Form, sentence

OPTION_FIELDS = (
    "include",
    "exclude",
    "min_size",
    "max_size",
    "newer_than",
    "older_than",
    "verify",
    "conflict",
    "versions",
    "archive",
    "full",
    "opens",
    "seal",
    "seal_to",
    "seal_names",
    "permissions",
    "unmapped",
    "external",
    "links",
    "wider",
    "bandwidth",
    "window_start",
    "window_end",
    "window_zone",
)
_LABELS = {
    "include": "Only these",
    "exclude": "All but these",
    "min_size": "Smallest size",
    "max_size": "Largest size",
    "newer_than": "Changed after",
    "older_than": "Changed before",
    "versions": "Earlier versions",
    "archive": "Form at the destination",
    "seal_to": "Public keys",
    "seal_names": "Names",
    "crypt_to": "Files at the destination",
    "crypt_from": "Encrypted files at the source",
    "bandwidth": "Speed limit",
}
_FIELD_OF = {"crypt_to": "seal", "crypt_from": "opens"}  # where the field is called otherwise than the option
_OPENS = {
    "age": {"open_with": True},
    "crypt": {"crypt_from": True},
    "off": {"open_with": False, "crypt_from": False},
}
_FORMS = {"archive": True, "plain": False}
_LOOKS = {"full": True, "changed": False}
_YES_OR_NO = {"yes": True, "no": False}
_NAMED = re.compile(r"(\w+): ")


def read_options(form: Form) -> PairOptions:
    """What was chosen. Raises InvalidConfiguration that names the option."""
    values = form.values
    start, end = values.get("window_start", "").strip(), values.get("window_end", "").strip()
    window = (
        Window(start=start, end=end, zone=values.get("window_zone", "").strip() or "UTC")
        if start or end
        else None
    )
    verify, conflict = values.get("verify", ""), values.get("conflict", "")
    permissions, unmapped, wider = (values.get(name, "") for name in ("permissions", "unmapped", "wider"))
    options = PairOptions(
        include=_lines(values.get("include", "")),
        exclude=_lines(values.get("exclude", "")),
        min_size=values.get("min_size", "").strip() or None,
        max_size=values.get("max_size", "").strip() or None,
        newer_than=values.get("newer_than", "").strip() or None,
        older_than=values.get("older_than", "").strip() or None,
        verify=VerifyLevel(verify) if verify in set(VerifyLevel) else None,
        conflict=ConflictRule(conflict) if conflict in set(ConflictRule) else None,
        versions=_number(values.get("versions", "")),
        archive=_FORMS.get(values.get("archive", "")),
        full=_LOOKS.get(values.get("full", "")),
        seal_to=_seal_to(form),
        seal_names=_YES_OR_NO.get(values.get("seal_names", "")),
        open_with=_OPENS.get(values.get("opens", ""), {}).get("open_with"),
        crypt_from=_OPENS.get(values.get("opens", ""), {}).get("crypt_from"),
        crypt_to={"crypt": True, "off": False}.get(values.get("seal", "")),
        permissions=SharingChoice(permissions) if permissions in set(SharingChoice) else None,
        unmapped=Unmapped(unmapped) if unmapped in set(Unmapped) else None,
        external=_YES_OR_NO.get(values.get("external", "")),
        links=_YES_OR_NO.get(values.get("links", "")),
        wider=Wider(wider) if wider in set(Wider) else None,
        bandwidth=values.get("bandwidth", "").strip() or None,
        window=window,
    )
    check_options(options, whole=False)
    return options


def options_values(options: PairOptions) -> dict[str, str]:
    """Saved options as values of the form."""
    window = options.window
    return {
        "include": "\n".join(options.include or ()),
        "exclude": "\n".join(options.exclude or ()),
        "min_size": options.min_size or "",
        "max_size": options.max_size or "",
        "newer_than": options.newer_than or "",
        "older_than": options.older_than or "",
        "verify": options.verify.value if options.verify else "",
        "conflict": options.conflict.value if options.conflict else "",
        "versions": str(options.versions) if options.versions is not None else "",
        "archive": next((word for word, chosen in _FORMS.items() if chosen is options.archive), ""),
        "full": next((word for word, chosen in _LOOKS.items() if chosen is options.full), ""),
        "opens": _opens(options),
        "seal": _seal(options),
        "seal_to": "\n".join(options.seal_to or ()),
        "seal_names": _words_of(options.seal_names),
        "permissions": options.permissions.value if options.permissions else "",
        "unmapped": options.unmapped.value if options.unmapped else "",
        "external": _words_of(options.external),
        "links": _words_of(options.links),
        "wider": options.wider.value if options.wider else "",
        "bandwidth": options.bandwidth or "",
        "window_start": window.start if window else "",
        "window_end": window.end if window else "",
        "window_zone": window.zone if window else "",
    }


def shown_options(options: PairOptions) -> list[tuple[str, str]]:
    """What was chosen, in words."""
    values = options_values(options)
    shown = [
        (label, ", ".join(values[name].splitlines()))
        for name, label in _LABELS.items()
        if values.get(name) and not name.startswith(("seal", "archive"))
    ]
    if options.verify:
        shown.append(("Check of each file", _VERIFY[options.verify.value]))
    if options.conflict:
        shown.append(("If something else is there", _CONFLICT[options.conflict.value]))
    if options.archive:
        shown.append(("Form at the destination", "A new ZIP archive on each run"))
    if options.full:
        shown.append(("On each run", _FULL))
    if options.seal_to is not None and not options.crypt_to:
        shown.append(("Encryption of your own", _sealed_words(options) if options.seal_to else "Off"))
    if options.crypt_to:
        shown.append(
            ("Encryption of your own", "Written as rclone's crypt, with a password given for each run")
        )
    if options.open_with:
        shown.append(("Encrypted files", "Opened with a private key given for each run"))
    if options.crypt_from:
        shown.append(("Encrypted files", "Read as rclone's crypt, with a password given for each run"))
    if options.permissions is SharingChoice.APPLY:
        shown.append(("Shares", "Made again through the map"))
        shown += [
            (label, word)
            for label, word, chosen in (
                ("Who is not in the map", "Gets nothing", options.unmapped is Unmapped.DROP),
                ("People outside", "Get again what they had", options.external),
                ("Links", "Are made again", options.links),
                ("What more people would see", "Is put there all the same", options.wider is Wider.ALLOW),
            )
            if chosen
        ]
    if options.window:
        shown.append(
            ("Only between", f"{options.window.start} and {options.window.end} ({options.window.zone})")
        )
    return shown


def _seal_to(form: Form) -> tuple[str, ...] | None:
    """The keys that were given. Raises InvalidConfiguration; a private key is not shown again in the form."""
    values = form.values
    given = values.get("seal_to", "")
    if _PRIVATE.search(given):
        values["seal_to"] = ""
    match values.get("seal", ""):
        case "off":
            return ()
        case "keys":
            keys = _lines(_PRIVATE.sub(_A_PRIVATE_KEY, given))
            if keys is None:
                raise InvalidConfiguration("seal_to: there is no public key to seal for")
            return keys
        case _:
            return None


def _seal(options: PairOptions) -> str:
    if options.crypt_to:
        return "crypt"
    if options.seal_to is None:
        return "" if options.crypt_to is None else "off"
    return "keys" if options.seal_to else "off"


def _opens(options: PairOptions) -> str:
    if options.open_with:
        return "age"
    if options.crypt_from:
        return "crypt"
    return "" if options.open_with is None and options.crypt_from is None else "off"


def _sealed_words(options: PairOptions) -> str:
    keys = options.seal_to or ()
    count = "one public key" if len(keys) == 1 else f"{len(keys)} public keys"
    return f"Sealed for {count}" + (", names too" if options.seal_names else "")


def _words_of(choice: bool | None) -> str:  # noqa: FBT001 - a value of the form
    return "" if choice is None else "yes" if choice else "no"


def blame_options(form: Form, error: InvalidConfiguration) -> None:
    """Put an error beside the option that it names."""
    found = _NAMED.match(error.message)
    if found and found[1] in _LABELS:
        said = error.message[found.end() :]
        form.faults[_FIELD_OF.get(found[1], found[1])] = f"{_LABELS[found[1]]}: {said}."
    elif "time of the day" in error.message:
        form.faults["window_start"] = sentence(error)
    elif "time zone" in error.message:
        form.faults["window_zone"] = sentence(error)
    else:
        form.blame(error, fields={"name": "name"})


def _lines(text: str) -> tuple[str, ...] | None:
    return tuple(line for line in (line.strip() for line in text.splitlines()) if line) or None


def _number(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < _DIGITS):
        raise InvalidConfiguration(f"versions: a number from 0 to {MOST_VERSIONS}")
    return int(text)


_DIGITS = 10
_PRIVATE = re.compile(r"AGE-SECRET-KEY-[^\s]*|-----BEGIN.*", re.IGNORECASE | re.DOTALL)
_A_PRIVATE_KEY = "AGE-SECRET-KEY-"
_FULL = "Look at everything"
_VERIFY = {
    "auto": "By the destination's own checksum, or by reading it again",
    "hash": "By the destination's own checksum only",
    "readback": "By reading everything again",
    "size": "By its size only",
}
_CONFLICT = {
    "report": "Leave it, and report it",
    "overwrite": "Replace it",
}
