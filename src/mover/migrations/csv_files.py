"""CSV as people make it: in any encoding that Excel writes, with commas, semicolons or tabs, read as it arrives."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import AsyncIterable, AsyncIterator, Sequence

from mover.errors import InvalidConfiguration

_LONGEST_RECORD = 64 * 1024  # characters; longer ones come of a quote that is not closed
_LARGEST_FILE = 64 * 1024 * 1024
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_LONGEST_BOM = 3


class BadFile(InvalidConfiguration):
    """The file as a whole cannot be read. `line` is where."""

    advice = "Save it as CSV in UTF-8, with the columns in the first line, and try again."

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


async def records(content: AsyncIterable[bytes]) -> AsyncIterator[tuple[int, list[str]]]:
    """Yield records with the number of the line on which each begins; blank lines are left out.

    UTF-8 and UTF-16 with or without a byte order mark; what separates is found out from the first line; cells in quotes
    may have line breaks. Memory holds one record. Raises BadFile.
    """
    separator = ""
    async for line, text in _logical_lines(_decoded(content)):
        separator = separator or _separator(text)
        try:
            row = next(csv.reader([text], delimiter=separator, strict=True), [])
        except csv.Error as error:
            raise BadFile(str(error), line) from None
        if any(cell.strip() for cell in row):
            yield line, row


def columns(header: Sequence[str], known: Sequence[str], needed: Sequence[str]) -> dict[str, int]:
    """Find columns by their headings. Raises BadFile: one is missing, unknown, or there twice."""
    places: dict[str, int] = {}
    for place, heading in enumerate(header):
        name = " ".join(heading.split()).lower()
        match = next((column for column in known if column.lower() == name), None)
        if match is None and not name:
            continue
        if match is None:
            raise BadFile(f"unknown column {heading.strip()[:40]!r}; columns are {', '.join(known)}", 1)
        if match in places:
            raise BadFile(f"the column {match} is there twice", 1)
        places[match] = place
    if missing := [column for column in needed if column not in places]:
        raise BadFile(f"the first line has to name the columns; missing: {', '.join(missing)}", 1)
    return places


def tags_cell(tags: Sequence[str]) -> str:
    """Tags in one cell: by commas; those with a comma, a quote or blanks around them in quotes."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(tags)
    return text.getvalue()


def tags_of_cell(text: str) -> list[str]:
    """The reverse of `tags_cell`. Raises ValueError."""
    try:
        return next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise ValueError(f"tags cannot be understood: {error}") from None


async def _decoded(content: AsyncIterable[bytes]) -> AsyncIterator[str]:
    head, decoder, line, size = b"", None, 1, 0
    async for chunk in content:
        size += len(chunk)
        if size > _LARGEST_FILE:
            raise BadFile(f"a file has at most {_LARGEST_FILE >> 20} MiB; cut it in two", line)
        if decoder is None:
            head += chunk
            if len(head) < _LONGEST_BOM:
                continue
            decoder, rest = _decoder(head)
        else:
            rest = chunk
        text = _decode(decoder, rest, line, final=False)
        line += text.count("\n")
        yield text
    if decoder is None:
        decoder, head = _decoder(head)
    else:
        head = b""
    yield _decode(decoder, head, line, final=True)


def _decoder(head: bytes) -> tuple[codecs.IncrementalDecoder, bytes]:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return codecs.getincrementaldecoder(name)(), head[len(mark) :]
    return codecs.getincrementaldecoder("utf-8")(), head


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes, line: int, *, final: bool) -> str:
    try:
        text = decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        at = line + chunk[: error.start].count(b"\n")
        raise BadFile("there are bytes that are not UTF-8; save the file as CSV in UTF-8", at) from None
    if "\0" in text:
        at = line + text[: text.index("\0")].count("\n")
        raise BadFile("there is a NUL character", at)
    return text


async def _logical_lines(texts: AsyncIterable[str]) -> AsyncIterator[tuple[int, str]]:
    """Cut text at line ends that stand in no quotes; a record is yielded without its line end."""
    number, begun, pending = 1, 1, ""
    record: list[str] = []  # lines of one that began with a quote and is not over
    length, in_quotes = 0, False
    async for text in texts:
        pending += text
        *lines, pending = pending.split("\n")
        for line in lines:
            number += 1
            record.append(line)
            length += len(line) + 1
            in_quotes ^= line.count('"') % 2 == 1
            _check_length(length, begun)
            if not in_quotes:
                yield begun, "\n".join(record).removesuffix("\r")
                record, length, begun = [], 0, number
        _check_length(length + len(pending), begun)
    record.append(pending)
    if in_quotes ^ (pending.count('"') % 2 == 1):
        raise BadFile("a quote is not closed", begun)
    yield begun, "\n".join(record).removesuffix("\r")


def _check_length(length: int, begun: int) -> None:
    if length > _LONGEST_RECORD:
        raise BadFile(f"more than {_LONGEST_RECORD} characters; perhaps a quote is not closed", begun)


def _separator(header: str) -> str:
    """What the first line separates its columns by."""
    return max(",;\t", key=header.count)
