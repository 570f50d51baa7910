"""Names a destination accepts: reversible, and never two names made one.

All escapes begin with, or are told apart by, one rare character, the quote `‛` (U+201B). Which of them a service needs
is data in `NameRules`; the presets are in `mover.naming.presets`.

| in the original name                            | in the accepted name                        | example           |
| ----------------------------------------------- | ------------------------------------------- | ----------------- |
| character with a look-alike                     | the look-alike                              | `a:b` → `a：b`     |
| that look-alike itself                          | quote, look-alike                           | `a：b` → `a‛：b`    |
| character that is marked                        | quote, picture of it                        | `a/b` → `a‛／b`    |
| that picture itself                             | unchanged                                   | `a／b` → `a／b`     |
| quotes before one of those                      | doubled                                     | `‛:` → `‛‛：`      |
| forbidden first character                       | its look-alike                              | `~x` → `～x`       |
| a first character that looks like one           | quote before it                             | `～x` → `‛～x`      |
| forbidden last character                        | its look-alike (quotes before it doubled)   | `x.` → `x．`       |
| a last character that looks like one            | quote before it (quotes before it doubled)  | `x．` → `x‛．`      |
| reserved name or stem, after quotes or not      | one quote more before it                    | `CON.txt` → `‛CON.txt` |
| reserved word inside, with quotes in it or not  | one quote more after its first character    | `_vti_` → `_‛vti_` |
| everything else, other quotes included          | unchanged                                   | `it‛s` → `it‛s`    |

"Look-alike" and "marked" differ in who pays: a look-alike reads best, but an original that has that very character
already is changed too; a marked character is uglier, but nothing else changes. Services that forbid punctuation get
look-alikes; what practically never occurs in a name (slash, control characters) is marked.

Each line is a step of its own that has an exact inverse on every text, so their sequence has one as well:
`original(accepted(n)) == n`, hence `accepted` never gives two names the same result. It is therefore not idempotent
(a function that is both is the identity): apply it once, to the name as the source has it.

Names that are bytes rather than text (local folders, SFTP) are spelled by `text_from_bytes`: each byte that is not part
of valid UTF-8 becomes the quote and two upper-case hexadecimal digits, 80 to FF; a quote that stands before two such
digits by its own right is spelled as its three bytes, `‛E2‛80‛9B`.
"""  # noqa: RUF002 - the table shows the very characters that it is about

from mover.naming.presets import (
    EXACT,
    FTP,
    FTP_WINDOWS,
    GOOGLE_DRIVE,
    POSIX_BYTES_255,
    S3,
    SHAREPOINT,
    SWIFT,
    WEBDAV,
)
from mover.naming.rules import LengthUnit, NameRules
from mover.naming.spelling import QUOTE, bytes_from_text, text_from_bytes

__all__ = [
    "EXACT",
    "FTP",
    "FTP_WINDOWS",
    "GOOGLE_DRIVE",
    "POSIX_BYTES_255",
    "QUOTE",
    "S3",
    "SHAREPOINT",
    "SWIFT",
    "WEBDAV",
    "LengthUnit",
    "NameRules",
    "bytes_from_text",
    "text_from_bytes",
]
