"""Lines and documents as the admin's forms send them."""

from __future__ import annotations

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from licenses.models import Contract, Entitlement

from .conftest import World

PDF = b"%PDF-1.7 made up\nstartxref\n9\n%%EOF\n"


def line_of(world: World) -> Entitlement:
    return Entitlement.objects.get(pool=world.mine)


def correction(line: Entitlement, **changes: object) -> dict[str, object]:
    values = {
        "pool": line.pool_id,
        "contract": line.contract_id,
        "quantity": line.quantity,
        "metric": line.metric,
        "valid_from": line.valid_from.isoformat(),
        "valid_to": "",
        "overdraft": line.overdraft,
        "unit_price": line.unit_price,
        "currency": line.currency,
        "purchase_order": "",
        "scope": "",
        "code": "wrong_entry",
        "reason": "Typed wrongly",
    }
    return {**values, **changes}


def hand_in(client: Client, contract: Contract, file: SimpleUploadedFile) -> HttpResponse:
    path = reverse("admin:licenses_document_add")
    data = {"contract": contract.pk, "kind": "invoice", "title": "Bill", "file": file}
    answer: HttpResponse = client.post(path, data)  # type: ignore[assignment]
    return answer
