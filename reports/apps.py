from django.apps import AppConfig
from django.utils.translation import gettext_lazy, ngettext_lazy

from itam.names import translate


class ReportsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "reports"
    verbose_name = gettext_lazy("Reports")

    def ready(self) -> None:
        from licenses.access import undo
        from licenses.evidence import changes, nightly, stored
        from licenses.importing import erasure
        from licenses.models import fixed
        from licenses.models import guards as guarded
        from licenses.overview import attention, setup
        from reports import guards, nights
        from reports.attention import to_renew, to_sign
        from reports.lifecycle import signed_since
        from reports.models import EvidencePack, Report, ReportSchedule
        from reports.named_files import drop_named
        from reports.signed_files import signed_files

        translate(self)
        guards.after_migrations(self)
        guarded.also(guards.statements)
        changes.also(
            ReportSchedule,
            "report schedule",
            ("report", "rhythm", "months", "vendor", "zone", "days_after", "attach", "enabled"),
            own=("next_end", "due_at", "last_error"),
            lists=("pools",),
        )
        fixed.also(
            ngettext_lazy("%(count)s signed report", "%(count)s signed reports", "count"),
            lambda pool: pool.reports.filter(decision=Report.Decision.SIGNED),
        )
        fixed.also(
            ngettext_lazy("%(count)s pack for auditors", "%(count)s packs for auditors", "count"),
            lambda pool: EvidencePack.objects.filter(
                vendor=pool.product.vendor_id,
                state=EvidencePack.State.DONE,
                requested_at__gte=pool.recorded_at,
            ),
        )
        undo.signed_by(signed_since)
        stored.also(signed_files)
        nightly.also(nights.compare)
        erasure.also(drop_named)
        attention.also("reports.sign_report", to_sign)
        attention.also("reports.add_report", to_renew)
        setup.also(
            "report",
            gettext_lazy("First report"),
            gettext_lazy("Make the compliance report of the last 12 months."),
            Report.objects.filter(state=Report.State.DONE).exists,
        )
