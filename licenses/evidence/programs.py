"""The programs that lie in a pack, each one file of the standard library.

verify.py is one file here, too. recompute.py is put together from the modules of `recount`, in the
order of their ideas: what it imports stands once at its top, and what a module says of itself
becomes a heading. The same modules give the same bytes. Without the rest of the product:

    python3 -m licenses.evidence.programs > recompute.py
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
MODULES: Final = (
    "spans", "curves", "words", "told", "sources", "matching", "minutes", "holdings", "feeding",
    "uses", "pools", "verdicts", "compare", "__main__",
)  # fmt: skip
"""The modules of `recount`; each uses names of earlier ones only."""


def programs() -> dict[str, str]:
    """Return the text of each program by the name of its file."""
    return {
        "recompute.py": recompute(),
        "verify.py": (HERE / "verify.py").read_text(encoding="utf-8"),
    }


def recompute() -> str:
    """Return the program that counts the figures of a pack again."""
    imports: set[str] = set()
    bodies = []
    for name in MODULES:
        text = (HERE / "recount" / f"{name}.py").read_text(encoding="utf-8")
        about, known, body = _parts(text)
        imports |= known
        bodies.append(body if name == "__main__" else f"# --- {about.rstrip('.')} ---\n\n\n{body}")
    # The last one is the program itself: what it says of itself is what its reader sees first.
    plain = sorted(line for line in imports if line.startswith("import "))
    named = sorted(line for line in imports if not line.startswith("import "))
    top = f'#!/usr/bin/env python3\n"""{about}"""\n'
    return "\n\n".join([top + "\n" + "\n".join([*plain, *named]) + "\n", *bodies])


def _parts(text: str) -> tuple[str, set[str], str]:
    """Return what a module says of itself, a line for each name that it imports from the standard
    library, and what follows its imports."""
    tree = ast.parse(text)
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    known = {
        f"import {name.name}" if isinstance(node, ast.Import) else _from(node, name)
        for node in top
        if isinstance(node, ast.Import) or not node.level
        for name in node.names
    }
    last = max((node.end_lineno or 0) for node in [*top, tree.body[0]])
    body = "\n".join(text.split("\n")[last:]).strip("\n") + "\n"
    return ast.get_docstring(tree, clean=False) or "", known, body


def _from(node: ast.ImportFrom, name: ast.alias) -> str:
    return f"from {node.module} import {name.name}"


if __name__ == "__main__":
    sys.stdout.write(recompute())
