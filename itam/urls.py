from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView

from itam import views
from licenses.api.docs_page import ApiDocs

urlpatterns = [
    path("", views.home, name="home"),
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("status/", include("licenses.portal.urls")),
    path("api/v1/", include("licenses.api.urls")),
    path("api/v1/", include("reports.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", ApiDocs.as_view(), name="api-docs"),
    path("healthz", views.healthz, name="healthz"),
    path("metrics", views.metrics, name="metrics"),
]

handler400 = "itam.errors.bad_request"
handler403 = "itam.errors.permission_denied"
handler404 = "itam.errors.not_found"
handler500 = "itam.errors.server_error"
