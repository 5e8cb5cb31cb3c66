"""Rules that put use into teams, and what every page does that changes whose use it was."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy, ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from itam import figures
from licenses.importing.teams import Fits, changing, count_fitting
from licenses.models import TeamRule

from .base import ScopedAdmin
from .trying import Tried, Tries

PREVIEW = "_preview"


class TeamsChange:
    """Pages that may change teams, memberships or rules: the hours touched are counted again."""

    changes_rules = False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._changing(request, super().changeform_view, *args, **kwargs)  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._changing(request, super().changelist_view, *args, **kwargs)  # type: ignore[misc]

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._changing(request, super().delete_view, *args, **kwargs)  # type: ignore[misc]

    def process_import(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._changing(request, super().process_import, *args, **kwargs)  # type: ignore[misc]

    def import_sheet(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._changing(request, super().import_sheet, *args, **kwargs)  # type: ignore[misc]

    def _changing(self, request: HttpRequest, view: Any, *args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with changing(rules=self.changes_rules):
            return view(request, *args, **kwargs)


class TeamRuleForm(forms.ModelForm):
    """Refuses to be saved while only a preview is asked for, so that the page shows it again."""

    def clean(self) -> None:
        super().clean()
        if PREVIEW in self.data and not self.errors:
            rule = TeamRule(
                user_pattern=self.cleaned_data.get("user_pattern", ""),
                host_pattern=self.cleaned_data.get("host_pattern", ""),
            )
            said = gettext("Not saved yet. This would fit %(fitting_words)s.")
            raise Tried([said % {"fitting_words": fitting_words(count_fitting(rule))}])


@admin.register(TeamRule)
class TeamRuleAdmin(TeamsChange, Tries, ScopedAdmin):
    """The first rule that fits decides; the page of a rule says how many fit."""

    changes_rules = True
    list_display = ("words", "team", "order", "valid_from", "valid_to", "fitting")
    list_display_links = ("words",)
    list_select_related = ("team",)
    list_filter = (("team", AutocompleteSelectFilter),)
    search_fields = ("user_pattern", "host_pattern", "team__name")
    autocomplete_fields = ("team",)
    form = TeamRuleForm
    change_form_after_template = "admin/licenses/team_rule_preview.html"
    fields = (
        ("user_pattern", "host_pattern"),
        "team",
        "order",
        ("valid_from", "valid_to"),
        "notes",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                person_total=Count("matches__person"),
                host_total=Count("matches__host"),
            )
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.recorded_by = request.user
        super().save_model(request, obj, form, change)
        messages.info(request, f"{obj}: {fitting_words(count_fitting(obj))}.")

    @display(description=gettext_lazy("Rule"), ordering="order")
    def words(self, rule: Any) -> str:
        return str(rule).rsplit(" → ", 1)[0]

    @display(description=gettext_lazy("Fits"))
    def fitting(self, rule: Any) -> str:
        """Say how many fit, erased names too."""
        people = rule.person_total if rule.user_pattern else None
        return fitting_words(Fits(people, rule.host_total if rule.host_pattern else None))


def fitting_words(fits: Fits) -> str:
    """Return how many people and machines fit, as a sentence without its full stop."""
    people = gettext("everybody") if fits.people is None else figures.people(fits.people)
    if fits.hosts is None:
        return gettext("%(people)s on every machine") % {"people": people}
    return ngettext(
        "%(people)s on %(count)s machine", "%(people)s on %(count)s machines", fits.hosts
    ) % {"people": people, "count": fits.hosts}
