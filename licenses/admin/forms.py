"""Pages with one form of our own: drawn like the admin's forms, checked like them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
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

_WIDGETS: list[tuple[type[forms.Field], Any]] = [
    (forms.BooleanField, UnfoldBooleanSwitchWidget),
    (forms.FileField, UnfoldAdminFileFieldWidget),
    (forms.DateField, UnfoldAdminSingleDateWidget),
    (forms.ModelMultipleChoiceField, UnfoldAdminSelectMultipleWidget),
    (forms.MultipleChoiceField, UnfoldAdminCheckboxSelectMultipleWidget),
    (forms.ChoiceField, UnfoldAdminSelectWidget),
    (forms.ModelChoiceField, UnfoldAdminSelectWidget),
    (forms.IntegerField, UnfoldAdminTextInputWidget),
    (forms.CharField, UnfoldAdminTextInputWidget),
]


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
