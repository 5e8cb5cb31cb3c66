"""A reason is something that can be read."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from licenses.importing.rights import override_strength
from licenses.models.entitlements import correct_entitlement
from licenses.models.reasons import says_something
from tests.factories import EntitlementFactory


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b\u2060", "\u3164", "\u115f", "...", "\u202e"], ids=ascii
)
def test_what_nobody_can_read_is_no_reason(text: str) -> None:
    assert not says_something(text)


@pytest.mark.parametrize("text", ["x", "7", "ä", "理由", "سبب"], ids=ascii)
def test_words_of_any_script_are_one(text: str) -> None:
    assert says_something(text)


@pytest.mark.django_db
def test_rights_are_not_changed_or_judged_for_a_reason_that_nobody_sees() -> None:
    line = EntitlementFactory(strength=1)
    with pytest.raises(ValidationError, match="needs a reason"):
        override_strength(line, strength=4, reason="\u200b", user=None)
    with pytest.raises(ValidationError, match="needs a reason"):
        correct_entitlement(line, changes={"quantity": 9}, reason="\u3164", author=None)
