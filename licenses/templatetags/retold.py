"""Stored sentences in the reader's language."""

from __future__ import annotations

from django import template

from itam.retold import retell

register = template.Library()
register.filter("retold", retell)
