"""The rules of the services, as far as they are the same for all servers of a kind."""

from __future__ import annotations

from dataclasses import replace

from mover.naming.rules import LengthUnit, NameRules

_SLASH = "/\N{FULLWIDTH SOLIDUS}"
_SYMBOL_FOR = 0x2400  # the block "Control Pictures" begins with the symbol for NUL
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", *(f"{port}{digit}" for port in ("COM", "LPT") for digit in range(10))}
)
_WINDOWS = (
    '"\N{FULLWIDTH QUOTATION MARK}',
    "*\N{FULLWIDTH ASTERISK}",
    ":\N{FULLWIDTH COLON}",
    "<\N{FULLWIDTH LESS-THAN SIGN}",
    ">\N{FULLWIDTH GREATER-THAN SIGN}",
    "?\N{FULLWIDTH QUESTION MARK}",
    "\\\N{FULLWIDTH REVERSE SOLIDUS}",
    "|\N{FULLWIDTH VERTICAL LINE}",
)
_CONTROLS = (*(chr(code) + chr(_SYMBOL_FOR + code) for code in range(0x20)), "\x7f\N{SYMBOL FOR DELETE}")

EXACT = NameRules()
"""Takes every name but the empty one, `.`, `..` and those with a slash or NUL."""

POSIX_BYTES_255 = NameRules(longest_name=255, longest_path=4095, byte_names=True)
"""Local folders and SFTP servers on POSIX systems: NAME_MAX, and PATH_MAX without its final NUL. A path counts from the
connection's root, so the system may still refuse one that is a little shorter."""

FTP = NameRules(marked=(_SLASH, *_CONTROLS), longest_name=255, longest_path=4095, byte_names=True)
"""FTP servers on POSIX systems. A command is a line, so what ends one cannot be in it (RFC 959, section 5.3), and servers and
proxies on the way take offence at other control characters as well."""

FTP_WINDOWS = NameRules(
    look_alikes=_WINDOWS,
    marked=(_SLASH, *_CONTROLS),
    trailing=(" \N{SYMBOL FOR SPACE}", ".\N{FULLWIDTH FULL STOP}"),
    reserved_stems=_DEVICES,
    unit=LengthUnit.UTF16_UNITS,
    longest_name=255,
    longest_path=4095,
    case_sensitive=False,
)
"""FTP servers on Windows ("Naming Files, Paths, and Namespaces")."""

S3 = NameRules(longest_path=1024)
"""S3 object keys: 1,024 bytes of UTF-8 (Amazon S3 User Guide, "Naming Amazon S3 objects"), of which the names in them can
be any part. `.` and `..` would be lost in URL normalisation."""

SWIFT = NameRules(longest_path=1024)
"""Swift's object names: 1,024 bytes of UTF-8 unless `/info` says otherwise, without NUL. `.` and `..` as with S3."""

WEBDAV = NameRules(
    # XML 1.0 section 2.2 has no control characters and no U+FFFE or U+FFFF, and listings are XML.
    marked=(_SLASH, *_CONTROLS, "\ufffe\N{OBJECT REPLACEMENT CHARACTER}", "\uffff\N{REPLACEMENT CHARACTER}"),
    # Apache's mod_dav_fs keeps its properties in folders called .DAV and hides them.
    reserved_names=frozenset({".", "..", ".DAV"}),
    longest_name=255,
    longest_path=4095,
)
"""WebDAV servers that store names as a POSIX system does. A connector that recognises a stricter server (Nextcloud: no
backslash, 250 bytes) narrows it with `dataclasses.replace`."""

GOOGLE_DRIVE = NameRules()
"""Google Drive: every text is a name, several entries may have the same one, and a slash in it means nothing ("Files and
folders overview"). No limit of lengths is documented."""

SHAREPOINT = NameRules(
    look_alikes=(*_WINDOWS, _SLASH),
    marked=_CONTROLS,
    leading=(" \N{SYMBOL FOR SPACE}", ".\N{FULLWIDTH FULL STOP}", "~\N{FULLWIDTH TILDE}"),
    trailing=(" \N{SYMBOL FOR SPACE}", ".\N{FULLWIDTH FULL STOP}"),
    reserved_names=frozenset({".", "..", ".lock", "desktop.ini"}),
    reserved_stems=_DEVICES,
    reserved_words=frozenset({"_vti_"}),
    unit=LengthUnit.UTF16_UNITS,
    longest_name=255,
    longest_path=400,
    case_sensitive=False,
    normalisation_sensitive=False,
)
"""SharePoint and OneDrive ("Restrictions and limitations in OneDrive and SharePoint"). Stems are reserved rather than
whole names only, because the synchronisation client puts such files on Windows disks. Leading dots are replaced too."""

BOX = NameRules(
    look_alikes=("\\\N{FULLWIDTH REVERSE SOLIDUS}",),
    marked=(_SLASH, *_CONTROLS),
    leading=(" \N{SYMBOL FOR SPACE}",),
    trailing=(" \N{SYMBOL FOR SPACE}",),
    unit=LengthUnit.CHARACTERS,
    longest_name=255,
    case_sensitive=False,
    normalisation_sensitive=False,
)
"""Box: no control characters, no slashes, no blank at the end, neither `.` nor `..`, 255 characters (Box Platform API 2024.0,
"Create folder"). The guide "Common errors" forbids blanks at the beginning too, and `< > : | ? *`, which other clients are
seen to use; so those are left as they are. Case does not count; that normal forms do not either is a precaution."""

EGNYTE = NameRules(
    look_alikes=(*_WINDOWS, _SLASH),
    marked=_CONTROLS,
    leading=(" \N{SYMBOL FOR SPACE}", "~\N{FULLWIDTH TILDE}"),
    trailing=(" \N{SYMBOL FOR SPACE}", ".\N{FULLWIDTH FULL STOP}"),
    reserved_names=frozenset({".", "..", "thumbs.db", ".ds_store", "desktop.ini", ".metadata"}),
    reserved_words=frozenset({"._", ".tmp"}),
    basic_plane=True,
    longest_name=245,
    longest_path=5000,
    case_sensitive=False,
)
"""Egnyte ("Unsupported characters and file types", help desk 201637074): 245 bytes a name, 5,000 a path. `.tmp` and `._` are
refused at an end only, and replaced wherever they stand. It takes no characters of four bytes of UTF-8."""

DROPBOX = NameRules(
    look_alikes=("\\\N{FULLWIDTH REVERSE SOLIDUS}",),
    marked=(_SLASH, "\0\N{SYMBOL FOR NULL}", "\x7f\N{SYMBOL FOR DELETE}"),
    trailing=(
        " \N{SYMBOL FOR SPACE}",
        "\t\N{SYMBOL FOR HORIZONTAL TABULATION}",
        "\n\N{SYMBOL FOR LINE FEED}",
    ),
    reserved_names=frozenset(
        {".", "..", "desktop.ini", "thumbs.db", ".ds_store", "icon\r", ".dropbox", ".dropbox.attr"}
    ),
    unit=LengthUnit.CHARACTERS,
    longest_name=255,
    case_sensitive=False,
    normalisation_sensitive=False,
)
"""Dropbox (HTTP documentation, "Path formats": no slash or white space at the end; help centre, "Files and folders that
cannot be synchronised": backslashes, and names that its clients keep for themselves; what else it refuses is as rclone's
tests of the service found it). Lengths are counted in characters, as rclone does."""

ONEDRIVE_PERSONAL = replace(
    SHAREPOINT,
    reserved_words=frozenset(),  # of SharePoint's own folders
)
"""OneDrive of a Microsoft account: the same page, whose characters, reserved names and lengths hold for all of OneDrive, but
not what SharePoint keeps for itself."""
