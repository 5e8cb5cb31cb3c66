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
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from itam import figures
from licenses.analysis.verdict import FLOOR
from licenses.evidence import entries
from licenses.models import (
    Entitlement,
    MappingChange,
    PoolFeature,
    PoolRetirement,
    Proof,
    StrengthOverride,
)
from licenses.models.reasons import says_something
from reports import delivery, events, order, signing_key
from reports.models import Report, SignOff
from reports.pdf.signing import NotUsable, sign

PERMISSION = "reports.sign_report"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MOST_NAMED = 5
"""Of earlier reports, in one sentence."""

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


def why_comment(report: Report) -> list[str]:
    """Return what makes a comment compulsory for signing, each a sentence; none: it may be empty.

    The report must be done.
    """
    data: Mapping[str, Any] = report.data or {}
    reasons = []
    expected, observed = data.get("expected_seconds", 0), data.get("observed_seconds", 0)
    if expected and Fraction(observed, expected) < FLOOR:
        reasons.append(
            gettext("Only %(coverage)s of the time was observed.") % {"coverage": data["coverage"]}
        )
    # Rows that were made before this was counted have the pools' own verdicts alone.
    blind = data.get("undetermined", data.get("counts", {}).get("not_determinable", 0))
    if blind:
        told = gettext("Of %(pools)s nothing can be said in at least one month.")
        reasons.append(told % {"pools": figures.pools(blind)})
    unexplained = data.get("unexplained", 0)
    if unexplained:
        told = ngettext(
            "Of %(count)s over-use episode nobody recorded the cause.",
            "Of %(count)s over-use episodes nobody recorded the cause.",
            unexplained,
        )
        reasons.append(told % {"count": figures.number(unexplained)})
    idle = sum(1 for position in data.get("positions", []) if not position["peak"])
    if idle:
        reasons.append(gettext("No use was seen in %(pools)s.") % {"pools": figures.pools(idle)})
    changes = _corrections(report)
    if changes:
        told = ngettext(
            "%(count)s correction of rights or mappings was recorded since the last report on"
            " these pools was signed, and this report names nobody who approved it.",
            "%(count)s corrections of rights or mappings were recorded since the last report on"
            " these pools was signed, and this report names nobody who approved them.",
            changes,
        )
        reasons.append(told % {"count": changes})
    back_dated = _back_dated(report)
    if back_dated:
        told = ngettext(
            "%(count)s right or mapping was recorded within the period for a time before that.",
            "%(count)s rights and mappings were recorded within the period for a time before that.",
            back_dated,
        )
        reasons.append(told % {"count": back_dated})
    late = _afterwards(report)
    if late:
        told = ngettext(
            "%(count)s right, proof of one, mapping or retirement of a pool that counts in the"
            " period was recorded after its end.",
            "%(count)s rights, proofs of them, mappings and retirements of pools that count in the"
            " period were recorded after its end.",
            late,
        )
        reasons.append(told % {"count": late})
    return reasons


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
    if step == Step.APPROVED:
        files, told = _signed_files(report, row)
    replaced = [report.path, report.data_path] if files else []
    try:
        with transaction.atomic():
            locked = _locked(report)
            _refuse(check(locked, user, step, comment))
            if SignOff.objects.filter(report=report, step=step).exists():
                _refuse({"__all__": [gettext("Somebody took this step already.")]})
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


def role_of(user: Any) -> str:
    """Return the groups of a user in words."""
    names = sorted(user.groups.values_list("name", flat=True))
    if user.is_superuser:
        names.insert(0, "administrator")
    return ", ".join(names)[:200]


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


def _kin(report: Report) -> Any:
    """Return the other reports of this kind about the same pools."""
    return Report.objects.filter(scope_key=report.scope_key).exclude(pk=report.pk)


def _locked(report: Report) -> Report:
    """Return a report as it stands now, and let nobody take a step on it or its kin meanwhile:
    of two reports of one period one is signed."""
    rows = Report.objects.filter(scope_key=report.scope_key).order_by("pk")
    found = {row.pk: row for row in rows.select_for_update()}
    return found[report.pk]


def _signed_rival(report: Report) -> Report | None:
    """Return a signed report of the same period that this one is no later version of."""
    window = (report.params["start"], report.params["end"])
    for other in _kin(report).filter(decision=Decision.SIGNED):
        if (other.params["start"], other.params["end"]) == window and (
            other.version >= report.version
        ):
            return other
    return None


def _corrections(report: Report) -> int:
    """Count the corrections, of lines, of their proof and of mappings up to the period's end, of
    which the report names no second person who approved them, and no earlier signature covers."""
    pools, known, fed = _unsigned(report)
    later = Q(recorded_at__lte=report.as_of, correction__approved_at__gt=report.as_of)
    alone = Q(correction__approved_at=None) | later
    lines = Entitlement.objects.filter(known, alone, pool__in=pools, replaces__isnull=False)
    proofs = StrengthOverride.objects.filter(known, alone, entitlement__pool__in=pools)
    ends = datetime.fromtimestamp(report.params["end"], UTC)
    changes = MappingChange.objects.filter(fed, alone, pool__in=pools, correction__isnull=False)
    changed = changes.bearing_before(ends)
    return lines.count() + proofs.count() + changed.count()


def _afterwards(report: Report) -> int:
    """Count the rights, what proves them, mappings and retirements of pools that bear on the
    period, were recorded after its end, and that no earlier signature covers: they may turn
    over-use into none."""
    pools, known, fed = _unsigned(report)
    ends = datetime.fromtimestamp(report.params["end"], UTC)
    late = Q(pool__in=pools, recorded_at__gte=ends)
    lines = Entitlement.objects.filter(known, late, replaces=None, valid_from__lte=ends.date())
    mappings = PoolFeature.objects.filter(fed, late).bearing_before(ends)
    retired = PoolRetirement.objects.filter(fed, late).bearing_before(ends)
    proofs = Proof.objects.filter(
        known,
        entitlement__pool__in=pools,
        entitlement__valid_from__lte=ends.date(),
        entitlement__recorded_at__lt=F("recorded_at"),  # what came with a line is that line's
        recorded_at__gte=ends,
    )
    return lines.count() + mappings.count() + retired.count() + proofs.count()


def _back_dated(report: Report) -> int:
    """Count what was recorded before the period's end of a time before it was recorded, and that
    no earlier signature covers: use above what was allowed then may be above no more. (What was
    corrected is counted as that.)

    The first rights of a pool, and the first mapping of a feature, hide nothing: without them
    nothing was judged.
    """
    pools, known, fed = _unsigned(report)
    within = Q(pool__in=pools, recorded_at__lt=datetime.fromtimestamp(report.params["end"], UTC))
    others = Entitlement.objects.filter(pool=OuterRef("pool"), pk__lt=OuterRef("pk"))
    lines = Entitlement.objects.filter(known, within, Exists(others), replaces=None)
    rights = lines.values_list("valid_from", "recorded_at")
    mapped = PoolFeature.objects.filter(feature=OuterRef("feature")).exclude(pk=OuterRef("pk"))
    new = PoolFeature.objects.filter(fed, within, Exists(mapped))
    begun = new.values_list("mapped_from", "recorded_at")
    return sum(begins < (recorded - DAY).date() for begins, recorded in rights) + sum(
        begins is None or begins < recorded - MINUTE for begins, recorded in begun
    )


def _unsigned(report: Report) -> tuple[list[int], Q, Q]:
    """Return the pools, and what counts in the figures though no earlier signature covers it: of
    rights, what is on record as of the report's time; of mappings and retirements, which figures
    know as they are now, all that was recorded since.

    A signature covers what was on record at its report's as-of time, and when that was asked for:
    a time to come covers nothing yet.
    """
    signed = _kin(report).filter(decision=Decision.SIGNED, as_of__lte=report.as_of)
    last = signed.aggregate(last=Max(Least("as_of", "requested_at")))["last"]
    since = Q(recorded_at__gt=last or datetime.fromtimestamp(0, UTC))
    pools = list(report.pools.order_by().values_list("pk", flat=True))
    return pools, since & Q(recorded_at__lte=report.as_of), since


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
