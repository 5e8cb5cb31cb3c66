"""What binds the records behind a report: the signed head of the evidence, and its anchors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext

from itam import figures
from itam.said import said
from licenses.evidence import checks, keys
from licenses.evidence.anchors import sentence
from licenses.evidence.notes import BadNote, fingerprint
from licenses.models import EvidenceDay, EvidenceKey


@dataclass(frozen=True, slots=True)
class Integrity:
    """The newest signed head that existed when the report was made.

    days:    how many days the head is of; 0 where nothing was sealed yet, then the rest is "".
    day:     the last of them, in UTC.
    root:    the root of all days, base64 as in the checkpoint.
    key:     the public key, as auditors get it.
    fingerprint:  the SHA-256 of that key, in hex.
    checkpoint:   the signed head itself, as `verify.py` takes it for an anchor.
    anchor:  which head left our hands last, or that none did.
    losses:  each loss of a key, in a sentence: nothing but the records ties the two together.
    checked: how many checks of the evidence there were from the period's beginning on.
    found:   those of them that found something.
    """

    days: int
    day: str
    root: str
    key: str
    fingerprint: str
    checkpoint: str
    anchor: str
    losses: tuple[str, ...] = ()
    checked: int = 0
    found: tuple[checks.Found, ...] = ()


def load_integrity(since: datetime, as_of: datetime) -> Integrity:
    """Return what was sealed and anchored by *as_of*, and what the checks since a moment found.
    Five queries at most, and one for each key that was lost."""
    words, losses = sentence(as_of), tuple(_lost(loss) for loss in keys.losses(as_of))
    checked, found = checks.between(since, as_of)
    last = EvidenceDay.objects.filter(sealed_at__lte=as_of).order_by("number").last()
    if last is None:
        return Integrity(0, "", "", "", "", "", words, losses, checked, found)
    key = EvidenceKey.objects.filter(recorded_at__lte=last.sealed_at).order_by("pk").last()
    return Integrity(
        days=last.number,
        day=last.day.isoformat(),
        root=last.checkpoint.split("\n")[2],
        key=key.public if key else "",
        fingerprint=_fingerprint(key.public) if key else "",
        checkpoint=last.checkpoint,
        anchor=words,
        losses=losses,
        checked=checked,
        found=found,
    )


def _lost(loss: keys.Loss) -> str:
    """Say that a key was lost, which head it signed last, and what took over."""
    told = {
        "day": loss.day,
        "new": loss.new.split("+")[0],
        "old": loss.old.split("+")[0],
        "root": loss.root,
    }
    if not loss.days:
        return said(
            lambda: (
                gettext(
                    "On %(day)s the signing key of %(old)s was said to be lost: it had signed no"
                    " head. The key of %(new)s took over without its signature."
                )
                % told
            )
        )
    return said(
        lambda: (
            gettext(
                "On %(day)s the signing key of %(old)s was said to be lost. The key of %(new)s"
                " took over without its signature. The last head of the lost key is of %(days)s,"
                " root %(root)s: whoever has it compares it with the line of that many days."
            )
            % {**told, "days": figures.days(loss.days)}
        )
    )


def _fingerprint(public: str) -> str:
    try:
        return fingerprint(public)
    except BadNote:
        return said(lambda: gettext("the key cannot be read"))
