"""Writes that may be sent again: the same `Idempotency-Key` gets the same answer and changes
nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.text import get_valid_filename
from django.utils.translation import gettext
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from licenses.models import IdempotencyRecord

HEADER = "Idempotency-Key"
LONGEST = 255
KEPT_HEADERS = ("Location",)


class Conflict(APIException):
    """The request does not fit what is on record."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "The request does not fit what is on record."
    default_code = "conflict"


class IdempotentPosts:
    """Answers a POST that carries a key once. Comes before the view's base class.

    outward: actions that reach beyond the database. They run outside a transaction, so a key whose
             first request died stays taken.
    """

    outward: ClassVar[frozenset[str]] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Put the check around the handler, once the user is known and may do it."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        key = request.headers.get(HEADER, "")
        if request.method != "POST" or not key or not hasattr(self, "post"):
            return
        if len(key) > LONGEST or not key.isprintable():
            told = gettext("Expected up to %(most)s printable characters, found %(count)s.")
            raise ValidationError({HEADER: told % {"most": LONGEST, "count": len(key)}})
        handler: Any = getattr(self, "post")  # noqa: B009
        atomic = getattr(self, "action", None) not in self.outward

        def once(request: Request, *args: Any, **kwargs: Any) -> Response:
            return answer_once(request, key, lambda: handler(request, *args, **kwargs), atomic)

        self.post = once


def answer_once(
    request: Request, key: str, answer: Callable[[], Response], atomic: bool
) -> Response:
    """Return the stored answer of this key, or take the key and answer now.

    Only answers that did something (2xx) are kept: after a refusal the key is free again. Raises
    Conflict where the key belongs to another request or its first one is still under way.
    """
    digest = fingerprint(request)
    user: Any = request.user
    try:
        with transaction.atomic():
            IdempotencyRecord.objects.create(user=user, key=key, request_sha256=digest)
            if atomic:
                return _keep(request, key, answer())
    except IntegrityError:
        found = IdempotencyRecord.objects.filter(user=user, key=key).first()
        if found is None:
            raise  # it was the answer that clashed, not the key
        return _replay(found, digest)
    try:
        return _keep(request, key, answer())
    finally:
        # Nothing is left here but a key whose answer failed.
        IdempotencyRecord.objects.filter(user=user, key=key, status=None).delete()


def fingerprint(request: Request) -> str:
    """Return the SHA-256 of what is asked: the address and the body as it was understood."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    data = request.data
    if not hasattr(data, "lists"):
        digest.update(json.dumps(data, sort_keys=True, default=str).encode())
        return digest.hexdigest()
    for name, values in sorted(data.lists()):
        for value in values:
            digest.update(f"{name!r}=".encode())
            if isinstance(value, UploadedFile):
                digest.update(get_valid_filename(value.name or "file").encode())
                for chunk in value.chunks():
                    digest.update(chunk)
                value.seek(0)
            else:
                digest.update(repr(value).encode())
    return digest.hexdigest()


def _keep(request: Request, key: str, response: Response) -> Response:
    user: Any = request.user
    mine = IdempotencyRecord.objects.filter(user=user, key=key)
    if not status.is_success(response.status_code):
        mine.delete()
        return response
    headers: Mapping[str, str] = response.headers
    mine.update(
        status=response.status_code,
        body=JSONRenderer().render(response.data).decode(),
        headers={name: headers[name] for name in KEPT_HEADERS if name in headers},
    )
    return response


def _replay(record: IdempotencyRecord, digest: str) -> Response:
    if record.request_sha256 != digest:
        raise Conflict(f"This {HEADER} was sent with another request: use a new one.")
    if record.status is None:
        raise Conflict(f"The first request with this {HEADER} is not answered yet.")
    body = json.loads(record.body) if record.body else None
    headers = {**record.headers, "Idempotent-Replayed": "true"}
    return Response(body, status=record.status, headers=headers)
