"""Addresses of the reports, below /api/v1/."""

from rest_framework.routers import SimpleRouter

from reports.api.packs import EvidencePackViewSet
from reports.api.schedules import ReportDeliveryViewSet, ReportScheduleViewSet
from reports.api.views import ReportViewSet

router = SimpleRouter()
router.register("reports", ReportViewSet, basename="report")
router.register("evidence-packs", EvidencePackViewSet, basename="evidencepack")
router.register("report-schedules", ReportScheduleViewSet, basename="reportschedule")
router.register("report-deliveries", ReportDeliveryViewSet, basename="reportdelivery")

urlpatterns = router.urls
