"""Reports: numbers in, paper out. One module a report, one line each in the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from reports.datasets.compliance import compliance as compliance_numbers
from reports.datasets.standing import Standing
from reports.documents.compliance import paper as compliance_paper
from reports.pdf.files import Attachment


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of report.

    dataset:  pools, start, end, zone, as_of, scope, entity and proven_from in; a dataset with
              `as_json` and `tables` out.
    paper:    dataset, standing, the report's id and the files that go inside in; PDF bytes out.
              The same of all give the same bytes.
    """

    title: str
    dataset: Callable[..., Any]
    paper: Callable[[Any, Standing, str, Sequence[Attachment]], bytes]


KINDS: Final = MappingProxyType(
    {"compliance": Kind("Licence compliance", compliance_numbers, compliance_paper)}
)
