"""The admin site: Unfold's, with pages of our own and a search that forgets nothing it should not
know.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.views.i18n import JavaScriptCatalog
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

# What the search looks through, in the order of its answers, with the icon of each.
SEARCHED = {
    "licenses.licensepool": "stacks",
    "licenses.product": "deployed_code",
    "licenses.licenseserver": "dns",
    "licenses.feature": "extension",
    "licenses.contract": "contract",
    "licenses.vendor": "storefront",
    "licenses.team": "groups",
    "licenses.person": "person",
}
MOST_OF_A_KIND = 8


# What the scripts of Django's admin say and its German does not know; the catalogue has it.
SCRIPT_WORDS = (
    gettext_noop("(click to clear)"),
    gettext_noop("Choose all %s"),
    gettext_noop('Choose %s by selecting them and then select the "Choose" arrow button.'),
    gettext_noop("Choose selected %s"),
    gettext_noop("Remove all %s"),
    gettext_noop('Remove %s by selecting them and then select the "Remove" arrow button.'),
    gettext_noop("Remove selected %s"),
)


class Words(JavaScriptCatalog):
    def get_catalog(self) -> dict[str, Any]:
        return {text: gettext(text) for text in SCRIPT_WORDS} | super().get_catalog()


class Site(UnfoldAdminSite):
    index_title = gettext_lazy("Dashboard")
    index_template = "admin/index.html"

    def extra_urls(self) -> list[URLPattern]:
        from licenses.admin import live, setup_page, undoing  # no models when the site is made

        return [*live.urls(self), *setup_page.urls(self), *undoing.urls(self)]

    def i18n_javascript(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return Words.as_view(packages=["django.contrib.admin"])(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Return the pages by application, made only where something looks at them.

        Each page's context holds the list, which takes a tenth of its time; the sidebar has one of
        its own and looks at none of it.
        """
        make = super().get_app_list
        if app_label is not None:
            return make(request, app_label)
        return SimpleLazyObject(lambda: make(request))

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the menu, with the links that lead to where the reader is marked.

        Unfold copies it, and finds each link's address and the first page's once more to compare.
        """
        from licenses.admin import navigation

        return navigation.sidebar(request)

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Answer what the search box finds, asked anew each time.

        Unfold keeps answers for five minutes by user and word; someone whose scope was taken away
        would go on seeing
        names in them.
        """
        term = request.GET.get("s", "").strip().lower()
        if not term or "\0" in term:
            return HttpResponse()
        pages = super().get_app_list(request)
        extended = "extended" in request.GET
        found = self._found(request, term) if extended else []
        found += self._search_apps(pages, term)
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

    def _found(self, request: HttpRequest, term: str) -> list[SearchResult]:
        """Return the first rows of each kind that fit, as the box shows them."""
        return [
            SearchResult(
                title=title,
                description=capfirst(str(row._meta.verbose_name)),
                link=self.place(row),
                icon=SEARCHED[row._meta.label_lower],
            )
            for row, title in self.found(request, term)
        ]

    def found(self, request: HttpRequest, term: str) -> Iterator[tuple[Any, str]]:
        """Yield the first rows of each kind that fit, as their own lists would find them, and what
        each is called for this reader."""
        from licenses.admin.base import person_words
        from licenses.evidence.reads import note_names
        from licenses.models import Person

        for label in SEARCHED:
            model = apps.get_model(label)
            page = self._registry.get(model)
            if page is None or not page.has_view_permission(request):
                continue
            rows, _ = page.get_search_results(request, page.get_queryset(request), term)
            several = {row.pk: row for row in rows[: 3 * MOST_OF_A_KIND]}  # joins repeat some
            few = list(several.values())[:MOST_OF_A_KIND]
            named = model is Person
            for row in few:
                yield row, person_words(row.label, row.person_name) if named else str(row)
            if named:
                note_names(request, "search", len(few), single=True)

    def place(self, row: Any) -> str:
        """Return where a row is looked at: its overview, where it has one."""
        start = f"{self.name}:{row._meta.app_label}_{row._meta.model_name}_"
        try:
            return reverse(f"{start}overview", args=[row.pk])
        except NoReverseMatch:
            return reverse(f"{start}change", args=[row.pk])
