"""The life of a report: collecting, waiting for late data, ready, and signed or rejected.

A report says what was known at its as-of time. Where that lies before the period's end, data were
still collected; within the wait after it, late logs could still arrive; from then on it is ready.
Nothing moves a report on: a later state takes a new version, made as of a later time.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from licenses.evidence import entries
from licenses.models.reasons import says_something
from reports import delivery, events, order, signing_key
from reports.beside import signed_beside
from reports.comments import kin, why_comment
from reports.models import Report, SignOff, role_of
from reports.pdf.signing import NotUsable, sign

PERMISSION = order.MAY_SIGN
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MOST_NAMED = 5
"""Of earlier reports, in one sentence."""

_MEANWHILE = gettext_lazy(
    "Another report of this period on some of these pools was signed meanwhile. Look at it, and"
    " sign this one once more."
)

Decision = Report.Decision
Step = SignOff.Step


class Stage(StrEnum):
    COLLECTING = "collecting"
    WAITING = "waiting"
    READY = "ready"
    SIGNED = "signed"
    REJECTED = "rejected"


def stage(report: Report) -> Stage:
    """Return where a report stands. No as-of time after the request makes it ready."""
    if report.decision:
        return Stage(report.decision)
    known = min(report.as_of, report.requested_at)
    return Stage(delivery.stage_at(report.params["end"], known))


def signed_since(pool_id: int, moment: datetime) -> bool:
    """Tell whether figures of a pool were signed since then."""
    signed = SignOff.objects.filter(step=Step.APPROVED, at__gte=moment)
    return signed.filter(report__pools=pool_id).exists()


def check(report: Report, user: Any, step: Step, comment: str) -> dict[str, list[str]]:
    """Return what stands against a step, by the field that it concerns; empty: it may be taken.

    Raises PermissionDenied for a user who may not sign reports at all.
    """
    if not user.has_perm(PERMISSION):
        raise PermissionDenied
    against = _closed(report)
    if not against and step != Step.REJECTED:
        against = _not_signable(report, user, step)
    found = {"__all__": against} if against else {}
    if not says_something(comment):
        if step == Step.REJECTED:
            found["comment"] = [gettext("Please say why the report is rejected.")]
        elif step == Step.APPROVED and not against and (why := why_comment(report)):
            found["comment"] = [*why, gettext("Please comment on this.")]
    return found


def take_step(
    report: Report, user: Any, step: Step, comment: str = "", *, now: datetime | None = None
) -> Report:
    """Review, sign or reject a report, and return it as it stands then.

    The caller has made sure of the user afresh (`confirm_password`). Signing makes the paper again
    with its sign-off, from the facts of today: unless they still give the same numbers, it is
    refused. Of any number of callers one decides.

    Raises ValidationError by field, and PermissionDenied.
    """
    now, comment = now or timezone.now(), comment.strip()
    _refuse(check(report, user, step, comment))
    row = SignOff(
        report=report,
        step=step,
        user=user,
        name=(user.get_full_name() or user.get_username())[:200],
        role=role_of(user),
        comment=comment,
        at=now,
    )
    files: dict[str, Any] = {}
    told: dict[str, str] = {}
    named: list[Report] = []
    if step == Step.APPROVED:
        named = signed_beside(report)
        files, told = _signed_files(report, row)
    replaced = [report.path, report.data_path] if files else []
    try:
        with transaction.atomic():
            locked = _locked(report)
            _refuse(check(locked, user, step, comment))
            if SignOff.objects.filter(report=report, step=step).exists():
                _refuse({"__all__": [gettext("Somebody took this step already.")]})
            if files and signed_beside(locked) != named:
                _refuse({"__all__": [str(_MEANWHILE)]})
            row.save()
            if step != Step.REVIEWED:
                decision = Decision.SIGNED if step == Step.APPROVED else Decision.REJECTED
                Report.objects.filter(pk=report.pk).update(decision=decision, **files)
            locked.refresh_from_db()
            _write_evidence(locked, row, told)
            if step != Step.REVIEWED:
                events.tell(events.Event(locked.decision), locked, now)
    except BaseException:
        _forget(report, files)
        raise
    for path in replaced:
        path.unlink(missing_ok=True)
    return locked


def confirm_password(request: Any, user: Any, password: str) -> None:
    """Make sure that it is the user who sits there; a wrong password counts as a failed login.

    Raises ValidationError for the field password.
    """
    name = user.get_username()
    found = authenticate(request, username=name, password=password) if password else None
    if found is None or found.pk != user.pk:
        raise ValidationError({"password": [gettext("Please enter your own password to confirm.")]})


def new_version(report: Report, user: Any, *, now: datetime | None = None) -> Report:
    """Ask for the same report as of now, to stand beside the earlier one with what differs.

    Raises ValidationError where it is not done yet, or a newer version exists.
    """
    if report.state != Report.State.DONE:
        raise ValidationError(
            gettext("This report is not done yet: there is nothing to make anew.")
        )
    with transaction.atomic():
        Report.objects.select_for_update().get(pk=report.pk)
        if newer := Report.objects.filter(supersedes=report).first():
            raise ValidationError(
                gettext("A newer version exists: %(words)s.") % {"words": newer.words}
            )
        return delivery.request_again(report, user, now or timezone.now())


def _closed(report: Report) -> list[str]:
    if report.state != Report.State.DONE:
        return [gettext("This report is not done yet.")]
    if report.decision:
        said = report.get_decision_display().lower()
        return [gettext("This report is %(decision)s already.") % {"decision": said}]
    if newer := Report.objects.filter(supersedes=report).first():
        return [gettext("A newer version exists: %(words)s.") % {"words": newer.words}]
    return []


def _not_signable(report: Report, user: Any, step: Step) -> list[str]:
    found = []
    if stage(report) != Stage.READY:
        ends = datetime.fromtimestamp(report.params["end"], UTC)
        ready = ends + timedelta(days=settings.ITAM_REPORT_WAIT_DAYS)
        found.append(
            gettext(
                "This report was made before %(ready)s UTC, when late data could still arrive."
                " Make a new version after that, and sign it."
            )
            % {"ready": f"{ready:%Y-%m-%d %H:%M}"}
        )
    if report.requested_by_id is None or report.requested_by_id == user.pk:
        found.append(
            gettext("Whoever prepared a report cannot review or sign it: ask somebody else.")
        )
    if step == Step.APPROVED:
        if any((report.data or {}).get("late", {}).values()):
            found.append(
                gettext(
                    "Its figures rest on what was recorded after its as-of time. Make a new"
                    " version, look at what differs, and sign that."
                )
            )
        if report.sign_offs.filter(step=Step.REVIEWED, user=user).exists():
            found.append(gettext("You reviewed this report: somebody else has to sign it."))
        if rival := _signed_rival(report):
            found.append(
                gettext("This period is signed in %(words)s: make a new version of that one.")
                % {"words": rival.words}
            )
        if earlier := order.open_before(report)[:MOST_NAMED]:
            found.append(
                gettext("An earlier period comes first: sign or reject %(words)s before this one.")
                % {"words": "; ".join(row.words for row in earlier)}
            )
    return found


def _locked(report: Report) -> Report:
    """Return a report as it stands now, and let nobody take a step on it, its kin or one that
    shares a pool with it meanwhile: of two reports of one period on the same pools one is signed,
    and of two on some of the same the second names the first."""
    shared = Report.pools.through._default_manager.filter(licensepool__in=report.pools.all())
    sharing = Q(name=report.name, pk__in=shared.values("report_id"))
    rows = Report.objects.filter(Q(scope_key=report.scope_key) | sharing).order_by("pk")
    found = {row.pk: row for row in rows.select_for_update()}
    return found[report.pk]


def _signed_rival(report: Report) -> Report | None:
    """Return a signed report of the same period that this one is no later version of."""
    window = (report.params["start"], report.params["end"])
    for other in kin(report).filter(decision=Decision.SIGNED):
        if (other.params["start"], other.params["end"]) == window and (
            other.version >= report.version
        ):
            return other
    return None


def _signed_files(report: Report, row: SignOff) -> tuple[dict[str, Any], dict[str, str]]:
    """Write the paper and the numbers with the sign-off under a new name; return what the row is
    to say of them, and what the evidence is to say of the signature in the file."""
    try:
        signer = signing_key.identity(row.at)
        made = delivery.make(report, approved=row, certificate=signer.fingerprint)
        if made.numbers["id"] != (report.data or {}).get("id"):
            _refuse(
                {
                    "__all__": [
                        gettext(
                            "Data that arrived since this report was made change its numbers."
                            " Make a new version, look at what differs, and sign that."
                        )
                    ]
                }
            )
        paper = sign(
            made.paper,
            signer,
            name=row.name,
            reason=gettext("Approval of %(words)s") % {"words": report.words},
        )
    except NotUsable as error:
        _refuse({"__all__": [gettext("The file cannot be signed. %(error)s") % {"error": error}]})
        raise
    told = {
        "certificate_sha256": signer.fingerprint,
        "unsigned_sha256": hashlib.sha256(made.paper).hexdigest(),
    }
    return delivery.store(replace(made, paper=paper), uuid.uuid4()), told


def _forget(report: Report, files: Mapping[str, Any]) -> None:
    """Remove files that no row names."""
    if files and not Report.objects.filter(uuid=files["uuid"]).exists():
        path = Path(report.path).with_name(f"{files['uuid']}.pdf")
        for each in (path, path.with_suffix(".json")):
            each.unlink(missing_ok=True)


def _write_evidence(report: Report, row: SignOff, told: Mapping[str, str]) -> None:
    kinds = {
        Step.REVIEWED: "report_reviewed",
        Step.APPROVED: "report_signed",
        Step.REJECTED: "report_rejected",
    }
    body = {
        **entries.digests(comment=row.comment),
        "as_of": int(report.as_of.timestamp()),
        "data_sha256": report.data_sha256,
        "end": report.params["end"],
        "id": (report.data or {}).get("id", ""),
        "pdf_sha256": report.sha256,
        "prepared_by": report.requested_by.get_username() if report.requested_by else "",
        "report": report.pk,
        "start": report.params["start"],
        "version": report.version,
        "who": row.user.get_username(),
        **told,
    }
    entry = entries.draft(kinds[Step(row.step)], int(row.at.timestamp()), body)
    entries.append(entries.INSTALLATION, [entry], source="reports")


def _refuse(found: Mapping[str, list[str]]) -> None:
    if found:
        raise ValidationError(dict(found))
