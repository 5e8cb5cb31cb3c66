"""Cells of a spreadsheet: how one is read, what is wrong with it, how one is written."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Model, Q
from django.utils.translation import gettext
from import_export import widgets

_FORMULA = re.compile(r"[\t\r\n\0]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet may run: also after blanks, and in full width."""


def disarm(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula.

    Numbers and dates stay what they are.
    """
    if isinstance(cell, str) and _FORMULA.match(cell):
        return "'" + cell
    return cell


class Text(widgets.Widget):
    """Text without blanks around it; a leading apostrophe that an export put there is taken off
    again.
    """

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        text = "" if value is None else str(value).strip()
        if text.startswith("'") and disarm(text[1:]) != text[1:]:
            text = text[1:]
        return text

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(value)


class Day(Text):
    """A date as 2026-03-31, or a spreadsheet's own date."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> date | None:  # type: ignore[override]
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        text = super().clean(value)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            said = gettext("%(text)s: expected a date such as 2026-03-31")
            raise ValueError(said % {"text": repr(text)}) from error


class Whole(Text):
    """A whole number of 0 or more; the default where the cell is empty."""

    def __init__(self, default: int | None = None) -> None:
        super().__init__()
        self.default = default

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int | None:  # type: ignore[override]
        text = super().clean(value)
        if not text:
            if self.default is None:
                raise ValueError(gettext("empty: expected a whole number"))
            return self.default
        try:
            number = Decimal(text)
        except InvalidOperation as error:
            said = gettext("%(text)s: expected a whole number")
            raise ValueError(said % {"text": repr(text)}) from error
        if number != number.to_integral_value() or number < 0:
            said = gettext("%(text)s: expected a whole number of 0 or more")
            raise ValueError(said % {"text": repr(text)})
        return int(number)


class Money(Text):
    """An amount with a point before the cents, or nothing."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Decimal | None:  # type: ignore[override]
        text = super().clean(value)
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation as error:
            said = gettext("%(text)s: expected an amount such as 1250.50")
            raise ValueError(said % {"text": repr(text)}) from error
        if not amount.is_finite() or amount < 0:
            said = gettext("%(text)s: expected an amount of 0 or more")
            raise ValueError(said % {"text": repr(text)})
        return amount.quantize(Decimal("0.01"))


class YesNo(Text):
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:  # type: ignore[override]
        text = super().clean(value).lower()
        if text in ("", "no", "false", "0"):
            return False
        if text in ("yes", "true", "1"):
            return True
        raise ValueError(gettext("%(text)s: expected yes or no") % {"text": repr(value)})

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "yes" if value else "no"


class Choice(Text):
    """One of a model field's choices, by its key or by the words people see."""

    def __init__(self, choices: Any, default: str) -> None:
        super().__init__()
        self.keys = {str(key).lower(): key for key, _ in choices}
        self.keys |= {str(words).lower(): key for key, words in choices}
        self.default = default

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        text = super().clean(value).lower()
        if not text:
            return self.default
        if text not in self.keys:
            expected = ", ".join(sorted({str(key) for key in self.keys.values()}))
            told = {"text": repr(value), "expected": expected}
            raise ValueError(gettext("%(text)s: expected one of %(expected)s") % told)
        return self.keys[text]


class Named(Text):
    """A row that exists, by its name.

    within: column whose cell narrows the search, and the lookup from the wanted row to it.
    """

    def __init__(
        self,
        model: type[Model],
        name: str = "name",
        *,
        within: tuple[str, str] | None = None,
        needed: bool = True,
    ) -> None:
        super().__init__()
        self.model, self.name, self.within, self.needed = model, name, within, needed

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        text = super().clean(value)
        kind = str(self.model._meta.verbose_name)
        if not text:
            if self.needed:
                told = {"field": self.name, "kind": kind}
                raise ValueError(gettext("empty: expected the %(field)s of a %(kind)s") % told)
            return None
        wanted = Q(**{self.name: text})
        where = ""
        if self.within:
            column, lookup = self.within
            other = super().clean((row or {}).get(column))
            if other:
                wanted &= Q(**{lookup: other})
                where = other
        found = list(self.model._default_manager.filter(wanted)[:2])
        if not found:
            told = {"kind": kind, "name": repr(text), "where": where}
            said = (
                gettext("there is no %(kind)s %(name)s of %(where)s: record it first")
                if where
                else gettext("there is no %(kind)s %(name)s: record it first")
            )
            raise ValueError(said % told)
        if len(found) > 1:
            column = self.within[0] if self.within else self.name
            kinds = str(self.model._meta.verbose_name_plural)
            told = {"kinds": kinds, "name": repr(text), "column": repr(column)}
            said = gettext("several %(kinds)s are called %(name)s: fill in %(column)s, too")
            raise ValueError(said % told)
        return found[0]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(getattr(value, self.name))
