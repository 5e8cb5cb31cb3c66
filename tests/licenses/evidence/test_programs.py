"""The programs in a pack are one file each, put together from modules that are read by idea."""

from __future__ import annotations

import ast
from collections import Counter

from licenses.evidence import programs


def test_the_same_modules_give_the_same_bytes() -> None:
    assert programs.programs() == programs.programs()
    assert programs.programs()["recompute.py"].startswith("#!/usr/bin/env python3\n")


def test_every_module_is_in_the_program_and_after_those_that_it_needs() -> None:
    folder = programs.HERE / "recount"
    assert {path.stem for path in folder.glob("*.py")} == {*programs.MODULES, "__init__"}
    for place, name in enumerate(programs.MODULES):
        tree = ast.parse((folder / f"{name}.py").read_text())
        needed = {
            node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.level
        }
        assert needed <= set(programs.MODULES[:place]), name


def test_no_two_modules_give_a_name_to_different_things() -> None:
    tree = ast.parse(programs.recompute())
    names = Counter(
        name
        for node in tree.body
        for name in (
            [node.name]
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            else [target.id for target in node.targets if isinstance(target, ast.Name)]
            if isinstance(node, ast.Assign)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import | ast.ImportFrom)
            else []
        )
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_the_verifier_is_short_enough_to_be_read() -> None:
    assert programs.programs()["verify.py"].count("\n") <= 150
