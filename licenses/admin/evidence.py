"""The evidence log, to look at.

Nothing here adds, changes or deletes; the database refuses it, too.
"""

from __future__ import annotations

import zlib
from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import display

from itam.figures import number
from licenses.evidence.notes import BadNote, fingerprint
from licenses.models import (
    EvidenceAnchor,
    EvidenceBlock,
    EvidenceCheck,
    EvidenceDay,
    EvidenceKey,
    EvidenceStream,
    LicensePool,
)

from . import words
from .base import FactAdmin, ReadOnlyAdmin
from .list_address import DaysFilter

MOST_LINES = 200
MOST_BYTES = 4_000_000


@admin.register(EvidenceBlock)
class EvidenceBlockAdmin(FactAdmin):
    list_display = ("stream", "entries", "recorded_at", "bytes", "digest")
    list_select_related = ("stream",)
    list_filter = (("recorded_at", DaysFilter), "stream__kind")
    search_fields = ("stream__name", "sha256__startswith")
    fields = ("stream", "entries", "recorded_at", "bytes", "sha256", "shown")
    readonly_fields = ("entries", "bytes", "shown")

    def get_queryset(self, request: Any) -> Any:
        """Leave the payload out of lists: a page of blocks would read megabytes."""
        return super().get_queryset(request).defer("payload")

    @display(description=gettext_lazy("Entries"))
    def entries(self, block: Any) -> str:
        return gettext("%(first)s to %(last)s") % {
            "first": number(block.first),
            "last": number(block.last),
        }

    @display(description=gettext_lazy("Size"))
    def bytes(self, block: Any) -> str:
        return words.size(block.size)

    @display(description=gettext_lazy("SHA-256"))
    def digest(self, block: Any) -> str:
        return format_html('<code class="lm-hash">{}…</code>', block.sha256[:16])

    @display(description=gettext_lazy("Its lines"))
    def shown(self, block: Any) -> str:
        text = zlib.decompressobj().decompress(bytes(block.payload), MOST_BYTES).decode()
        lines = text.splitlines()
        head = "\n".join(lines[:MOST_LINES])
        left = block.last - block.first + 1 - min(len(lines), MOST_LINES)
        more = gettext("\n… and %(left)s more") % {"left": number(left)} if left > 0 else ""
        return format_html('<pre class="lm-pre" tabindex="0">{}{}</pre>', head, more)


@admin.register(EvidenceStream)
class EvidenceStreamAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "next_number")
    list_filter = ("kind",)
    search_fields = ("name",)


@admin.register(EvidenceDay)
class EvidenceDayAdmin(ReadOnlyAdmin):
    """Days of the log, each under one root; its checkpoint is what an auditor may keep."""

    list_display = ("day", "number", "streams_held", "entries_held", "short_root", "sealed_at")
    list_filter = (("day", DaysFilter),)
    search_fields = ("day", "root__startswith")
    ordering = ("-number",)
    fields = ("day", "number", "streams_held", "entries_held", "root", "sealed_at", "head")
    readonly_fields = ("streams_held", "entries_held", "head")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).defer("streams")

    @display(description=gettext_lazy("Streams"), ordering="count")
    def streams_held(self, day: Any) -> str:
        return number(day.count)

    @display(description=gettext_lazy("Entries"), ordering="entries")
    def entries_held(self, day: Any) -> str:
        return number(day.entries)

    @display(description=gettext_lazy("Root"))
    def short_root(self, day: Any) -> str:
        return format_html('<code class="lm-hash">{}…</code>', day.root[:16])

    @display(description=gettext_lazy("Signed head"))
    def head(self, day: Any) -> str:
        return format_html('<pre class="lm-pre" tabindex="0">{}</pre>', day.checkpoint)


@admin.register(EvidenceKey)
class EvidenceKeyAdmin(ReadOnlyAdmin):
    """Public keys that heads are signed with: what auditors get by another way than a pack."""

    list_display = ("public", "recorded_at", "origin")
    fields = ("public", "digest", "recorded_at", "origin")
    readonly_fields = ("digest", "origin")
    ordering = ("-pk",)

    @display(description=gettext_lazy("Fingerprint, SHA-256"))
    def digest(self, key: Any) -> str:
        try:
            return format_html('<code class="lm-hash">{}</code>', fingerprint(key.public))
        except BadNote:
            return gettext("The key cannot be read.")

    @display(description=gettext_lazy("Whence"))
    def origin(self, key: Any) -> str:
        if key.signature:
            return gettext("signed by the key before it")
        return gettext("the first one, or the one before it was lost")


@admin.register(EvidenceAnchor)
class EvidenceAnchorAdmin(ReadOnlyAdmin):
    """Heads that left our hands, and where they went."""

    list_display = ("recorded_at", "kind", "place", "size")
    list_filter = ("kind", ("recorded_at", DaysFilter))
    search_fields = ("place",)
    ordering = ("-recorded_at", "-pk")
    fields = ("recorded_at", "kind", "place", "size", "stamp", "head")
    readonly_fields = ("stamp", "head")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).defer("token")

    @display(description=gettext_lazy("Time stamp"))
    def stamp(self, anchor: Any) -> str:
        return words.size(len(anchor.token)) if anchor.token else self.empty_value_display

    @display(description=gettext_lazy("Signed head"))
    def head(self, anchor: Any) -> str:
        return format_html('<pre class="lm-pre" tabindex="0">{}</pre>', anchor.checkpoint)


@admin.register(EvidenceCheck)
class EvidenceCheckAdmin(ReadOnlyAdmin):
    """What each night's check found, and those that somebody asked for."""

    list_display = ("ended_at", "days", "entries_held", "result")
    list_filter = (("ended_at", DaysFilter),)
    ordering = ("-pk",)
    fields = ("ended_at", "days", "root", "entries_held", "result", "told", "figures")
    readonly_fields = ("entries_held", "result", "told", "figures")

    @display(description=gettext_lazy("Entries computed again"), ordering="entries")
    def entries_held(self, check: Any) -> str:
        return number(check.entries)

    @display(description=gettext_lazy("Result"))
    def result(self, check: Any) -> str:
        if check.set_back:
            return gettext("the database was set back to an older state")
        return gettext("not all fits") if check.problems else gettext("all fits")

    @display(description=gettext_lazy("What does not fit"))
    def told(self, check: Any) -> str:
        words = [*check.set_back, *check.problems]
        shown = format_html_join("", "<li>{}</li>", ([each] for each in words))
        return format_html("<ul>{}</ul>", shown) if words else self.empty_value_display

    @display(description=gettext_lazy("Figures counted again"))
    def figures(self, check: Any) -> str:
        """Say of which pools and days; what differs stands among what does not fit."""
        found = check.compared
        if not found:
            return self.empty_value_display
        pools = LicensePool.objects.filter(pk__in=found["pools"]).order_by("name")
        words = gettext("%(first)s to %(end)s: %(pools)s") % {
            "first": found["first"],
            "end": found["end"],
            "pools": ", ".join(pools.values_list("name", flat=True)),
        }
        if found["differ"] is None:
            words += " " + gettext("(left out: too many entries)")
        return words
