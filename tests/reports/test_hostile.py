"""E20: whatever people are called, reports, tables, pages and mails hold it and do nothing else.

No crash, no file and no connection is opened, and what is read back is what the data hold.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib.admin import site
from django.core import mail as outgoing
from pypdf import PdfReader

from licenses.alerts.channels import mail
from licenses.models import Channel, LicensePool
from reports import scheduling
from reports.datasets.files import as_csv, as_text
from reports.pdf import look
from reports.pdf.blocks import Badge, KeyValues, Note, Signature, SignOff, heading
from reports.pdf.look import Tone
from reports.pdf.page import Masthead, build
from reports.pdf.tables import Column, FastTable
from reports.pdf.text import P, lines, prose, safe
from tests import factories as f
from tests.hostile import strings
from tests.thorough import trials

A_FILE = 400
NOW = datetime(2026, 11, 28, tzinfo=UTC)
_REACHES_OUT = {"open", "os.system", "subprocess.Popen", "socket.connect", "socket.getaddrinfo"}
_watched: list[str] | None = None


def _note(event: str, arguments: tuple) -> None:
    if _watched is not None and event in _REACHES_OUT:
        _watched.append(f"{event} {arguments[:1]}")


sys.addaudithook(_note)  # for the life of the process: the interpreter has no way to take it off


@contextmanager
def nothing_opened():
    """Fail where a file, a program or a connection is opened inside."""
    global _watched
    _watched = []
    try:
        yield
        assert _watched == []
    finally:
        _watched = None


def batches(count, size, **kinds):
    texts = list(strings(count, **kinds))
    return [texts[place : place + size] for place in range(0, len(texts), size)]


def bare(text):
    """Return a text without what extraction may lose: blanks, and where lines were broken."""
    return re.sub(r"\s", "", text)


def test_the_watch_notices_a_file():
    with pytest.raises(AssertionError, match="open"), nothing_opened():
        Path(__file__).open().close()


def masthead(text):
    """Return a title block that says a text wherever it says one."""
    return Masthead(
        **dict.fromkeys(("title", "entity", "period", "zone", "as_of_text", "report_id"), text),
        **dict.fromkeys(("version", "status", "verdict", "verdict_reason", "supersedes"), text),
        **dict.fromkeys(("evidence", "software"), text),
        as_of=1_793_514_360,
        verdict_tone=Tone.BAD,
        facts=((text, text),),
    )


def story(texts):
    """Return each text in a row of a table, and some in every other part of a page."""
    rows = [(f"#{number}#", text, "##") for number, text in enumerate(texts)]
    columns = [Column("No", 0.1), Column("Text", 0.8, lines=12), Column("", 0.1)]
    parts = [FastTable(columns, rows)]
    for text in texts[::20]:
        parts += [
            *heading(text),
            P(text, look.BODY),
            *lines(text, look.BODY),
            prose("It is called {name}.", look.BODY, name=text),
            Badge(Tone.BAD, text, text),
            KeyValues([(text, text)]),
            Note(text, text),
            SignOff([Signature(text, text, text, text)]),
        ]
    return parts


def test_a_pdf_shows_every_string_and_opens_nothing():
    build(masthead("warm up"), story(["warm", "up"]))  # fonts are read once
    for texts in batches(trials("E20"), A_FILE):
        with nothing_opened():
            paper = build(masthead(texts[0]), story(texts))
        reader = PdfReader(io.BytesIO(paper))
        whole = bare("".join(page.extract_text() for page in reader.pages))
        found = dict(re.findall(r"#(\d+)#(.*?)##(?=#|\D)", whole, re.DOTALL))
        for number, text in enumerate(texts):
            assert f"#{number}#{bare(safe(text))}##" in whole, (text, found.get(str(number)))
        assert not any("/Annots" in page for page in reader.pages)
        assert "/JavaScript" not in reader.trailer["/Root"].get("/Names", {})


def test_a_table_is_read_back_as_it_was_written():
    texts = list(strings(trials("E20")))
    with nothing_opened():
        content = as_csv(("number", "text"), list(enumerate(texts)))
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert len(rows) == len(texts) + 1
    for text, (_number, found) in zip(texts, rows[1:], strict=True):
        assert not found.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert text in (found, found[1:])


def test_the_numbers_are_read_back_as_they_were_written():
    texts = list(strings(trials("E20")))
    numbers = {"texts": texts, "rows": [{"name": text, text: 1} for text in texts]}
    with nothing_opened():
        content = as_text(numbers)
    assert json.loads(content) == numbers


class Page(HTMLParser):
    """What a browser would show, and the elements that it would make."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.elements: set[str] = set()
        self.calls: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.calls |= {name for name, _value in attrs if name.startswith("on")}
        self.shown += [value for _name, value in attrs if value]

    def handle_data(self, data):
        self.shown.append(data)


def read(client, place):
    answer = client.get(place)
    assert answer.status_code == 200
    page = Page()
    page.feed(answer.content.decode())
    return page


@pytest.mark.timeout(1500)
def test_the_admins_list_shows_every_name_and_makes_no_element_of_one(admin_client):
    product = f.ProductFactory()
    names = dict.fromkeys(text.strip() for text in strings(trials("E20"), most=200))
    texts = [name for name in names if name]
    place = "/admin/licenses/licensepool/"
    f.PoolFactory(name="plain", product=product)
    usual = read(admin_client, place)
    usual_calls, usual_elements = usual.calls, usual.elements
    LicensePool.objects.all().delete()
    LicensePool.objects.bulk_create(LicensePool(product=product, name=name) for name in texts)
    left, rest = {bare(name) for name in texts}, ""
    pages = -(-len(texts) // site._registry[LicensePool].list_per_page)
    for number in range(1, pages + 1):
        page = read(admin_client, f"{place}?p={number}")
        assert page.calls <= usual_calls
        assert page.elements <= usual_elements | {"nav", "ol", "ul", "li"}
        left.difference_update(map(bare, page.shown))
        rest += bare("\0".join(page.shown))
    assert not [name for name in left if name not in rest]  # those shown among other words


def test_a_mail_keeps_its_headers_and_its_lines_whatever_a_scope_is_called(tmp_path):
    paper = tmp_path / "a.pdf"
    paper.write_bytes(b"%PDF")
    channel = Channel(target="reader@example.org")
    for text in strings(trials("E20"), most=400):
        report = SimpleNamespace(
            pk=7, name="compliance", path=paper, sha256="", file_name="a.pdf",
            data={"verdict": "over_use"},
            params={"start": 0, "end": 86_400, "zone": "UTC", "scope": text},
        )  # fmt: skip
        row = SimpleNamespace(
            report=report, attach="link", key="k", recipient="reader@example.org", channel=channel
        )
        message = scheduling.message_of(row, NOW)
        outgoing.outbox = []
        mail.send(channel, message)
        (sent,) = outgoing.outbox
        read_back = message_from_bytes(sent.message().as_bytes(), policy=policy.default)
        assert read_back["To"] == "reader@example.org"
        assert read_back["Bcc"] is None and read_back["Cc"] is None
        assert bare(read_back["Subject"]) == bare(message.subject)
        assert bare(read_back.get_content()) == bare(message.body)
        assert [line.split(":")[0] for line in message.body.splitlines()[1:]] == [
            "Verdict",
            "In licence management",
            "SHA-256 of the PDF",
        ]
