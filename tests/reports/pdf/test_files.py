"""What lies inside a PDF comes out as it went in."""

import io

import pypdf
import pytest

from reports.pdf.files import Attachment
from reports.pdf.page import build

NUMBERS = Attachment("report.json", b'{"a": "\xc3\xa9"}' * 400, "application/json", "all numbers")
TABLE = Attachment("daily.csv", b"a,b\r\n1,\r\n", "text/csv", "each day")


def test_each_file_comes_out_with_its_bytes(masthead):
    found = pypdf.PdfReader(io.BytesIO(build(masthead, [], files=[NUMBERS, TABLE]))).attachments
    assert dict(found) == {"daily.csv": [TABLE.content], "report.json": [NUMBERS.content]}


def test_another_reader_takes_them_out_too(masthead, tmp_path, poppler):
    (tmp_path / "a.pdf").write_bytes(build(masthead, [], files=[NUMBERS, TABLE]))
    poppler("pdfdetach", "-saveall", "-o", tmp_path, tmp_path / "a.pdf")
    assert (tmp_path / "report.json").read_bytes() == NUMBERS.content
    assert (tmp_path / "daily.csv").read_bytes() == TABLE.content


def test_they_are_data_that_belong_to_the_document(masthead):
    reader = pypdf.PdfReader(io.BytesIO(build(masthead, [], files=[NUMBERS, TABLE])))
    first = reader.trailer["/Root"]["/AF"][0].get_object()
    assert (first["/AFRelationship"], first["/UF"]) == ("/Data", "report.json")
    assert first["/EF"]["/F"]["/Subtype"] == "/application/json"
    assert first["/EF"]["/F"]["/Params"]["/Size"] == len(NUMBERS.content)


def test_the_same_files_give_the_same_bytes(masthead):
    assert build(masthead, [], files=[TABLE]) == build(masthead, [], files=[TABLE])


def test_a_pdf_without_files_has_no_place_for_them(masthead):
    root = pypdf.PdfReader(io.BytesIO(build(masthead, []))).trailer["/Root"]
    assert "/Names" not in root
    assert "/AF" not in root


@pytest.mark.parametrize("name", ["", "../a", "a b", "ä.csv", "a" * 61], ids=ascii)
def test_a_name_that_could_lead_elsewhere_is_refused(name):
    with pytest.raises(ValueError, match="is not one for a file in a PDF"):
        Attachment(name, b"", "text/csv", "")


def test_two_files_of_one_name_are_refused(masthead):
    with pytest.raises(ValueError, match="the same name"):
        build(masthead, [], files=[TABLE, TABLE])
