"""What a form or an API answers to a wrong value is said in the reader's language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

FOLDERS = ("itam", "licenses", "reports")
TRANSLATED = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "retell"}
UNSAID = {"code", "params"}


def called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def bare_words(node: ast.AST) -> Iterator[str]:
    """Yield the texts below a node that nobody translates; keys, formats and marks are none."""
    if isinstance(node, ast.Compare) or (
        isinstance(node, ast.Call) and called(node.func) in TRANSLATED
    ):
        return
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and any(map(str.isalpha, node.value)):
            yield node.value
        return
    below: list[ast.AST | None] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Dict):
        below = list(node.values)
    elif isinstance(node, ast.FormattedValue | ast.Subscript):
        below = [node.value]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        below = [node.left]  # what is put into a sentence is named or counted there
    for part in below:
        if part is not None:
            yield from bare_words(part)


def refusals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, words) of each text that goes into a refusal untranslated, be it through a name
    that was given the text before."""
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef):
            continue
        names = {
            target.id: node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and called(node.func) in {"ValidationError", "add_error"}:
                given = [*node.args, *(key.value for key in node.keywords if key.arg not in UNSAID)]
                if called(node.func) == "add_error":
                    given = given[1:]  # the first is the field's name
                for value in given:
                    told = names.get(value.id, value) if isinstance(value, ast.Name) else value
                    yield from ((node.lineno, words) for words in bare_words(told))


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_refusal_is_said_in_english_alone(folder: str) -> None:
    found = [
        f"{path.relative_to(settings.BASE_DIR)}:{line}: {words!r}"
        for path in sorted(Path(settings.BASE_DIR, folder).rglob("*.py"))
        for line, words in refusals(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param("raise ValidationError('No.')", ["No."], id="bare"),
        pytest.param("raise ValidationError({'a': f'No {x}.'})", ["No "], id="of-a-field"),
        pytest.param("no = 'No.'\n  raise ValidationError(no)", ["No."], id="named"),
        pytest.param("raise ValidationError('%s no' % a)", ["%s no"], id="formatted"),
        pytest.param("form.add_error('a', 'No.')", ["No."], id="of-a-form"),
        pytest.param("raise ValidationError(gettext('No.'))", [], id="translated"),
        pytest.param("raise ValidationError(_('No %(x)s.') % {'x': 'y'})", [], id="with-a-value"),
        pytest.param("raise ValidationError(f'{a}: {b}', code='no')", [], id="put-together"),
    ],
)
def test_the_search_finds_what_is_bare(source: str, words: list[str]) -> None:
    tree = ast.parse(f"def f():\n  {source}\n")
    assert [said for _line, said in refusals(tree)] == words
