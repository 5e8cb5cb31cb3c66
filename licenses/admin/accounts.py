"""Users, groups and what they may see."""

from __future__ import annotations

from typing import Any

from axes.admin import (
    AccessAttemptAdmin,
    AccessFailureLogAdmin,
    AccessLogAdmin,
    IsLockedOutFilter,
)
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Count, Exists, OuterRef, QuerySet, prefetch_related_objects
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from knox.admin import AuthTokenAdmin
from knox.models import AuthToken
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from licenses.models import Scope
from licenses.models.roles import ROLES, role_words
from licenses.models.scoping import is_to_have

from .base import ScopedAdmin, ScopedStacked
from .exporting import LIST_TOOLS, Exportable
from .list_address import DaysFilter, TellsWhatIsWrong
from .row_history import TellsHistory

for model in (User, Group, AuthToken, AccessAttempt, AccessFailureLog, AccessLog):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class ScopeForm(ModelForm):
    def clean(self) -> Any:
        self.instance.chosen = self.cleaned_data.get("vendors")
        return super().clean()


class RolesForm(UserChangeForm):
    """An account, whose scope below it is judged by the roles that are given with it."""

    def clean(self) -> Any:
        if "groups" in self.cleaned_data:
            is_to_have(self.instance, self.cleaned_data["groups"])
        return super().clean()


class ScopeInline(ScopedStacked):
    model = Scope
    form = ScopeForm
    autocomplete_fields = ("vendors", "teams")
    max_num = 1
    verbose_name_plural = gettext_lazy("scope: what an auditor or a viewer may see")


class RoleFilter(admin.RelatedFieldListFilter):
    """By a group, roles in the reader's language."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        found = super().field_choices(field, request, model_admin)
        return [(pk, role_words(str(name))) for pk, name in found]


def _group_words(group: Any) -> str:
    return role_words(group.name)


@admin.register(User)
class UserAdmin(TellsWhatIsWrong, TellsHistory, Exportable, DjangoUserAdmin, ModelAdmin):
    list_before_template = LIST_TOOLS
    form = RolesForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = [ScopeInline]
    list_display = ("username", "email", "roles", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", ("groups", RoleFilter))
    list_filter_submit = True
    filter_horizontal = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        return self.inlines if obj else []

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Show the few groups that there are, to be ticked."""
        if db_field.name != "groups":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        field.label_from_instance = _group_words
        return field

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return super().get_fieldsets(request, obj)
        return (
            (None, {"fields": ("username", "password")}),
            (gettext("Person"), {"fields": ("first_name", "last_name", "email")}),
            (gettext("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
            (gettext("Dates"), {"fields": ("last_login", "date_joined")}),
        )

    @display(description=gettext_lazy("Roles"), label=True)
    def roles(self, user: Any) -> list[str]:
        return [role_words(group.name) for group in user.groups.all()]


ACTIONS = {
    "add": pgettext_lazy("a right", "add"),
    "change": pgettext_lazy("a right", "change"),
    "delete": pgettext_lazy("a right", "delete"),
    "view": pgettext_lazy("a right", "see"),
}


def _action(right: Any) -> str:
    """Return what a right allows with its kind of row: "see", or its own words."""
    verb, _, model = right.codename.partition("_")
    usual = model == right.content_type.model
    return str(ACTIONS.get(verb) if usual and verb in ACTIONS else gettext(right.name))


def _right(right: Any) -> str:
    return f"{capfirst(right.content_type.name)}: {_action(right)}"


def _is_role(group: Any) -> bool:
    """Tell whether a group is one whose rights the program itself gives, with every update."""
    return group is not None and group.name in ROLES


@admin.register(Group)
class GroupAdmin(TellsWhatIsWrong, TellsHistory, Exportable, DjangoGroupAdmin, ModelAdmin):
    list_before_template = LIST_TOOLS
    list_display = ("title", "members")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_role(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_role(obj) and super().has_delete_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(member_total=Count("user"))

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        group = super().get_object(request, object_id, from_field)
        if group is not None:  # each right that is shown tells its kind of row
            prefetch_related_objects([group], "permissions__content_type")
        return group

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["title", "rights"] if _is_role(obj) else ["name", "permissions"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["title", "rights"] if _is_role(obj) else []

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        if "permissions" in form.base_fields:
            form.base_fields["permissions"].label_from_instance = _right
        return form

    @display(description=gettext_lazy("Name"), ordering="name")
    def title(self, group: Any) -> str:
        return role_words(group.name)

    @display(description=gettext_lazy("Rights"))
    def rights(self, group: Any) -> SafeString:
        """Return what a role may do, a line for each kind of row."""
        found: dict[str, list[str]] = {}
        for right in group.permissions.all():
            found.setdefault(capfirst(right.content_type.name), []).append(_action(right))
        if not found:
            return SafeString(gettext("Nothing in these pages."))
        rows = ((kind, ", ".join(found[kind])) for kind in sorted(found))
        return format_html(
            '<ul class="lm-list">{}</ul>', format_html_join("", "<li>{}: {}</li>", rows)
        )

    @display(description=gettext_lazy("Members"), ordering="member_total")
    def members(self, group: Any) -> int:
        return group.member_total


@admin.register(Scope)
class ScopeAdmin(ScopedAdmin):
    form = ScopeForm
    list_display = ("user", "vendor_names", "team_names", "ends")
    list_select_related = ("user",)
    autocomplete_fields = ("user", "vendors", "teams")
    search_fields = ("user__username",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).prefetch_related("vendors", "teams")
        lacking = Scope.objects.lacking_an_end().filter(pk=OuterRef("pk"))
        several = Scope.objects.of_several_vendors().filter(pk=OuterRef("pk"))
        return rows.annotate(lacks_end=Exists(lacking), has_several=Exists(several))

    @display(description=gettext_lazy("Valid until"), ordering="valid_until")
    def ends(self, scope: Any) -> Any:
        return gettext("needs an end: sees nothing") if scope.lacks_end else scope.valid_until

    @display(description=gettext_lazy("Vendors"))
    def vendor_names(self, scope: Any) -> str:
        names = ", ".join(vendor.name for vendor in scope.vendors.all())
        told = gettext("%(vendors)s: keep one, sees nothing")
        return told % {"vendors": names} if scope.has_several else names

    @display(description=gettext_lazy("Teams"))
    def team_names(self, scope: Any) -> str:
        return ", ".join(team.name for team in scope.teams.all())


@admin.register(AuthToken)
class TokenAdmin(TellsWhatIsWrong, AuthTokenAdmin, ModelAdmin):
    """Keys to the API: whose they are and until when. A new one is shown once, after it is made."""

    list_display = ("token_key", "user", "created", "expiry")
    list_select_related = ("user",)
    raw_id_fields = ()
    autocomplete_fields = ("user",)


class _Tries(TellsWhatIsWrong):
    """A list of tries to sign in, the newest first.

    By key, as times have no index; without the library's days above the list and its choice of
    addresses, for which all rows would be read, and sorted, with each page.
    """

    date_hierarchy = None
    ordering = ("-pk",)
    show_full_result_count = False
    list_filter: Any = (("attempt_time", DaysFilter),)
    list_filter_submit = True


@admin.register(AccessAttempt)
class AttemptAdmin(_Tries, AccessAttemptAdmin, ModelAdmin):
    """Accounts and addresses that failed to sign in of late, and how often."""

    list_filter = (*_Tries.list_filter, IsLockedOutFilter)


@admin.register(AccessFailureLog)
class FailureAdmin(_Tries, AccessFailureLogAdmin, ModelAdmin):
    """Each time that somebody failed to sign in."""

    list_filter = (*_Tries.list_filter, "locked_out")


@admin.register(AccessLog)
class SignInAdmin(_Tries, AccessLogAdmin, ModelAdmin):
    """Each time that somebody signed in."""
