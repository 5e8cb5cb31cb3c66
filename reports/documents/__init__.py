"""Reports: numbers in, paper out. One module a report, one line each in the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from reports.datasets.audit import audit as audit_numbers
from reports.datasets.compliance import compliance as compliance_numbers
from reports.datasets.standing import Standing
from reports.documents.audit import paper as audit_paper
from reports.documents.compliance import paper as compliance_paper
from reports.pdf.files import Attachment


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of report.

    dataset:  pools, start, end, zone, as_of, scope, entity and proven_from in; a dataset with
              `as_json` and `tables` out.
    paper:    dataset, standing, the report's id and the files that go inside in; PDF bytes out.
              The same of all give the same bytes.
    one_vendor:  it is about the pools of one vendor, and takes what is said of its occasion.
    """

    title: str | Promise
    dataset: Callable[..., Any]
    paper: Callable[[Any, Standing, str, Sequence[Attachment]], bytes]
    one_vendor: bool = False


KINDS: Final = MappingProxyType(
    {
        "compliance": Kind(
            gettext_lazy("Licence compliance"), compliance_numbers, compliance_paper
        ),
        "audit": Kind(gettext_lazy("Audit evidence"), audit_numbers, audit_paper, one_vendor=True),
    }
)
