"""Pages with one form of our own: drawn like the admin's forms, checked like them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from licenses.models import Correction


class Select(UnfoldAdminSelectWidget):
    """A choice whose options are drawn here: the library draws each by a template, and there are
    six hundred zones."""

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> list[Any]:
        return []

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        before, end, after = super().render(name, value, attrs, renderer).rpartition("</select>")
        chosen = set(self.format_value(value))
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            (
                (text, mark_safe(" selected" if str(text) in chosen else ""), label)
                for key, label in self.choices
                for text in ["" if key is None else key]
            ),
        )
        return mark_safe(before + options + end + after)


class Suggesting(UnfoldAdminTextInputWidget):
    """A text for which the browser suggests words."""

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__()
        self.words = words

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        words = format_html_join("", '<option value="{}"></option>', ((w,) for w in self.words))
        field = super().render(name, value, {**(attrs or {}), "list": f"words-{name}"}, renderer)
        return format_html('{}<datalist id="words-{}">{}</datalist>', field, name, words)


def what_was_wrong(*, required: bool = True) -> forms.ChoiceField:
    """Return the field of why something on record was wrong."""
    return forms.ChoiceField(
        label=gettext_lazy("What was wrong"),
        choices=[("", "---------"), *Correction.Code.choices],
        required=required,
        widget=Select(attrs={"aria-label": gettext_lazy("What was wrong")}),
    )


_WIDGETS: list[tuple[type[forms.Field], Any]] = [
    (forms.BooleanField, UnfoldBooleanSwitchWidget),
    (forms.FileField, UnfoldAdminFileFieldWidget),
    (forms.DateField, UnfoldAdminSingleDateWidget),
    (forms.ModelMultipleChoiceField, UnfoldAdminSelectMultipleWidget),
    (forms.MultipleChoiceField, UnfoldAdminCheckboxSelectMultipleWidget),
    (forms.ChoiceField, Select),
    (forms.ModelChoiceField, Select),
    (forms.IntegerField, UnfoldAdminTextInputWidget),
    (forms.CharField, UnfoldAdminTextInputWidget),
]


def refuse(form: forms.BaseForm, error: ValidationError) -> None:
    """Put what a deed was refused for beside the fields that it is about."""
    told = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    shown = {field.name for field in form.visible_fields()}
    for name, sentences in told.items():
        form.add_error(name if name in shown else None, sentences)


class AdminForm(forms.Form):
    """A form whose fields look like those of the admin."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            dress(field)


def dress(field: forms.Field) -> None:
    """Give a field the admin's widget for its kind, unless it hides."""
    if field.widget.is_hidden:
        return
    if isinstance(field.widget, forms.Textarea):
        field.widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        return
    for kind, widget in _WIDGETS:
        if isinstance(field, kind):
            choices = getattr(field, "choices", None)
            field.widget = widget() if choices is None else widget(choices=choices)
            if isinstance(field, forms.ModelChoiceField):
                field.widget.choices = field.choices
            field.widget.is_required = field.required
            return


def page(
    request: HttpRequest,
    model_admin: ModelAdmin[Any],
    form: forms.BaseForm,
    *,
    title: str,
    submit: str,
    back: str,
    intro: str = "",
    obj: Any = None,
    danger: bool = False,
) -> HttpResponse:
    """Draw a form on a page of its own. back: where *Cancel* leads."""
    return TemplateResponse(
        request,
        "admin/licenses/form.html",
        {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "original": obj,
            "title": title,
            "form": form,
            "submit": submit,
            "back": back,
            "intro": intro,
            "danger": danger,
            "media": model_admin.media + form.media,
            "is_multipart": form.is_multipart(),
        },
    )
