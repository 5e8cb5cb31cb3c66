"""The admin site: Unfold's, with pages of our own and a search that forgets nothing it should not
know.
"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy
from unfold.sites import UnfoldAdminSite

SEARCHED = [
    "licenses.licensepool",
    "licenses.licenseserver",
    "licenses.product",
    "licenses.vendor",
    "licenses.contract",
    "licenses.feature",
    "licenses.team",
]


class Site(UnfoldAdminSite):
    index_title = gettext_lazy("Dashboard")
    index_template = "admin/index.html"

    def extra_urls(self) -> list[URLPattern]:
        from licenses.admin import live, setup_page  # no models when the site is made

        return [*live.urls(self), *setup_page.urls(self)]

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Answer what the search box finds, asked anew each time.

        Unfold keeps answers for five minutes by user and word; someone whose scope was taken away
        would go on seeing
        names in them.
        """
        term = request.GET.get("s", "").strip().lower()
        if not term:
            return HttpResponse()
        apps = super().get_app_list(request)
        extended = "extended" in request.GET
        found = self._search_models(request, apps, term, SEARCHED) if extended else []
        found += self._search_apps(apps, term)
        paginator = Paginator(found, 100)
        page = paginator.get_page(request.GET.get("page", 1))
        template = "command_results" if extended else "search_results"
        return TemplateResponse(
            request,
            f"unfold/helpers/{template}.html",
            {
                "page_obj": paginator,
                "results": page,
                "page_counter": (page.number - 1) * 100,
                "execution_time": 0,
                "command_show_history": False,
            },
            headers={"HX-Trigger": "search"},
        )
