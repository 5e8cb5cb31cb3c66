"""The forms on the page of a licence server."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy

from licenses.models import Capture, Feature, LicensePool, LicenseServer, Product, validate_zone

from . import words
from .forms import AdminForm, Suggesting, dress

MOST_BYTES = 2_000_000_000


class HandInForm(AdminForm):
    """A log, status, licence or options file.

    What it is, is seen from its text unless said here.
    """

    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("As the server wrote it; .gz is read, too."),
    )
    format = forms.ChoiceField(
        label=gettext_lazy("Format"),
        required=False,
        choices=[("", gettext_lazy("Recognise it from the text")), *Capture.Kind.choices],
    )
    date = forms.DateField(
        required=False,
        label=gettext_lazy("Date of the first line"),
        help_text=gettext_lazy("Only for a log that has no date of its own."),
    )
    create_pools = forms.BooleanField(
        required=False, label=gettext_lazy("Make a pool for each feature that feeds none")
    )

    def __init__(self, *args: Any, server: LicenseServer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not server.zone:
            zone = forms.CharField(
                help_text=gettext(
                    "In which this server prints times, such as Europe/Berlin. It is kept."
                ),
                validators=[validate_zone],
            )
            self.fields["zone"] = zone
            dress(zone)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise ValidationError(
                gettext(
                    "%(file)s has %(size)s: expected %(size_2)s at most. Split it, or let the"
                    " server's log path be read."
                )
                % {
                    "file": file.name,
                    "size": words.size(file.size),
                    "size_2": words.size(MOST_BYTES),
                }
            )
        return file


class MapForm(AdminForm):
    """What an unmapped feature is to feed: a pool by its name, or a new one of a product."""

    deed = forms.CharField(required=False, widget=forms.HiddenInput)
    feature = forms.CharField(required=False, widget=forms.HiddenInput)
    pool = forms.CharField(label=gettext_lazy("Pool"), required=False)
    product = forms.CharField(label=gettext_lazy("Product"), required=False)
    weight = forms.IntegerField(
        label=gettext_lazy("Weight"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Tokens that a checkout takes of the pool; 1 for most features."),
    )

    def __init__(self, *args: Any, of: Feature, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.of, self.user = of, user
        self.pools = LicensePool.objects.for_user(user).active()
        self.products = Product.objects.for_user(user)
        # What the other button would read stays as it was typed.
        new = self.data.get("deed") == "new"
        for name in ("pool", "weight") if new else ("product",):
            self.fields[name].widget = forms.HiddenInput()
        if new:
            names = self.products.values_list("name", flat=True)
            self.fields["product"].widget = Suggesting(names)
        else:
            self.fields["pool"].widget = Suggesting(self.pools.values_list("name", flat=True))

    def clean_pool(self) -> Any:
        name = self.cleaned_data["pool"]
        if self.data.get("deed") in ("new", "ignore"):
            return name
        if not name:
            told = gettext("Say which pool %(feature)s feeds, or make a new one.")
            raise ValidationError(told % {"feature": self.of.name})
        found = list(LicensePool.objects.for_user(self.user).filter(name=name)[:1])
        if not found:
            raise ValidationError(gettext("There is no pool %(name)s.") % {"name": repr(name)})
        return found[0]

    def clean_product(self) -> Any:
        """Return the product of a new pool; None where none is named."""
        name = self.cleaned_data["product"]
        if self.data.get("deed") != "new" or not name:
            return None
        found = list(self.products.filter(name=name)[:2])
        told = {"name": repr(name)}
        if not found:
            raise ValidationError(gettext("There is no product %(name)s.") % told)
        if len(found) > 1:
            text = gettext("Several products are called %(name)s: rename one of them first.")
            raise ValidationError(text % told)
        return found[0]


class IgnoreForm(AdminForm):
    """Why unreadable lines of one shape are set aside."""

    shape = forms.CharField(required=False, widget=forms.HiddenInput)
    note = forms.CharField(
        label=gettext_lazy("Why these lines are ignored"), required=False, max_length=500
    )
