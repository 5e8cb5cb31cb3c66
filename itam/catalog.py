"""The catalogue of translations: what the sources say, what a .po file holds, the .mo made of it.

Standard library and Django only: neither a clone nor a test needs the programs of GNU gettext.
`manage.py messages` is the command over it; docs/translation.md says how to translate.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from gettext import GNUTranslations
from pathlib import Path
from typing import NamedTuple

import django
from django.apps import apps
from django.conf import settings
from django.db.models import Field, Model
from django.utils.translation import override
from django.utils.translation.template import templatize

SOURCES = ("itam", "licenses", "reports")
TEMPLATES = "templates"
PATH = Path("locale") / "de" / "LC_MESSAGES" / "django.po"
# By the function's name: which arguments are context, singular and plural.
_CALLS = {
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "_": (None, 0, None),
    "tell": (None, 0, None),  # of itam.told
    "tell_count": (None, 0, 1),
}
_SHOWN = {"unfold", "admin", "auth", "axes", "import_export"}  # packages whose pages people meet
_STRING = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_IN_TEMPLATE = re.compile(
    rf"\b(gettext|ngettext|pgettext|npgettext|_)\({_STRING}(?:,\s*{_STRING})?(?:,\s*{_STRING})?"
)
_DATE = re.compile(r"""\|\s*date:(['"])([^'"]*)\1""")
_QUOTED = re.compile(r'^(msgctxt|msgid|msgid_plural|msgstr|msgstr\[(\d)\])?\s*"(.*)"$')
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_HEADER = (
    "Language: de\n"
    "MIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=UTF-8\n"
    "Content-Transfer-Encoding: 8bit\n"
    "Plural-Forms: nplurals=2; plural=(n != 1);\n"
)


class Message(NamedTuple):
    """What is to be translated. context, plural: "" where there is none."""

    text: str
    plural: str = ""
    context: str = ""


@dataclass
class Entry:
    """What a .po file says of one message. texts: one, or one for each plural form."""

    message: Message
    texts: list[str]
    fuzzy: bool = False

    @property
    def done(self) -> bool:
        forms = 2 if self.message.plural else 1
        return not self.fuzzy and len(self.texts) == forms and all(self.texts)


# --- What the sources say ------------------------------------------------------------------------


def extract(root: Path) -> set[Message]:
    """Return what the sources, the templates and the models below *root* have to say, and what the
    installed pages say whose authors brought no German along."""
    found: set[Message] = set()
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                # reports.pdf knows no Django and translates by a function of its own.
                names = {"say"} if path.parent == root / "reports" / "pdf" else set()
                found |= set(of_python(path.read_text(encoding="utf-8"), names))
    for path in sorted((root / TEMPLATES).rglob("*.*")):
        if path.suffix in {".html", ".txt"}:
            found |= set(of_template(path.read_text(encoding="utf-8")))
    with override(None):
        return found | set(of_models()) | set(of_installed())


def of_python(source: str, also: Collection[str] = ()) -> Iterator[Message]:
    """Yield the constant messages of a module, by the names that gettext's functions have.

    also:  further functions whose first argument is a message.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name not in _CALLS and name not in also:
            continue
        texts = [
            arg.value if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else ""
            for arg in node.args
        ]
        message = _message(texts, *_CALLS.get(name, (None, 0, None)))
        if message.text:
            yield message


def of_template(source: str) -> Iterator[Message]:
    """Yield the messages of a template, as Django's own makemessages reads it."""
    for match in _IN_TEMPLATE.finditer(templatize(source)):
        name, *strings = match.groups()
        texts = [ast.literal_eval(text) if text else "" for text in strings]
        yield _message(texts, *_CALLS["gettext" if name == "_" else name])
    for match in _DATE.finditer(source):
        if " " in match[2]:
            yield Message(match[2], "", "date")


def of_models() -> Iterator[Message]:
    """Yield the names of models, fields and rights, and what their choices are called."""
    for model in named_models():
        names = [model._meta.verbose_name, model._meta.verbose_name_plural]
        fields = [field for field in model._meta.get_fields() if isinstance(field, Field)]
        shown = [field.verbose_name for field in fields if field.name not in ("id", "pk")]
        shown += [label for field in fields for _value, label in field.flatchoices or () if label]
        rights = [name for _codename, name in model._meta.permissions]
        for text in [*names, *shown, *rights]:
            if text:
                yield Message(str(text))


def of_installed() -> Iterator[Message]:
    """Yield what the pages of installed packages say, and none of them says in German."""
    known: set[str] = set()
    for root in [Path(django.__file__).parent / "conf", *_places()]:
        path = root / "locale" / "de" / "LC_MESSAGES" / "django.mo"
        if path.exists():
            with path.open("rb") as file:
                rows = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
            known |= {row if isinstance(row, str) else row[0] for row in rows}
    for root in [place for place in _places() if _SHOWN & set(place.parts)]:
        inner = [root / "contrib"] if root.name == "unfold" else []  # applications of their own
        for path in sorted({*root.rglob("*.html"), *root.rglob("*.py")}):
            if not any(each in path.parents for each in inner):
                reader = of_python if path.suffix == ".py" else of_template
                found = reader(path.read_text(encoding="utf-8"))
                yield from (message for message in found if message.text not in known)


def _places() -> list[Path]:
    return [Path(app.path) for app in apps.get_app_configs()]


def named_models() -> list[type[Model]]:
    """Return the models of our own applications, and of the one that names none of its own."""
    found = [apps.get_app_config(name).get_models() for name in ("licenses", "reports", "knox")]
    return [model for models in found for model in models]


def _message(texts: list[str], context: int | None, one: int, many: int | None) -> Message:
    def at(place: int | None) -> str:
        return texts[place] if place is not None and place < len(texts) else ""

    return Message(at(one), at(many), at(context))


# --- The .po file --------------------------------------------------------------------------------


def read(path: Path) -> dict[Message, Entry]:
    """Return the entries of a .po file; its header is left out."""
    found: dict[Message, Entry] = {}
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        fields: dict[str, str] = {}
        place = ""
        for line in block.splitlines():
            match = _QUOTED.match(line)
            if match:
                place = match[1] or place
                fields[place] = fields.get(place, "") + _plain(match[3])
        if not fields.get("msgid"):
            continue
        message = Message(
            fields["msgid"], fields.get("msgid_plural", ""), fields.get("msgctxt", "")
        )
        texts = [text for name, text in sorted(fields.items()) if name.startswith("msgstr")]
        found[message] = Entry(message, texts, "#, fuzzy" in block)
    return found


def write(entries: Iterable[Entry]) -> str:
    """Return a .po file: sorted, without places and dates, so that two people's changes meet only
    where they touched the same sentence."""
    lines = ["# The German of the product. Rewritten by `manage.py messages`.", 'msgid ""']
    lines += ['msgstr ""', *(f'"{_escaped(line)}"' for line in _HEADER.splitlines(True))]
    for entry in sorted(entries, key=lambda each: each.message):
        text, plural, context = entry.message
        lines += ["", *(["#, fuzzy"] if entry.fuzzy else [])]
        lines += [f'msgctxt "{_escaped(context)}"'] if context else []
        lines.append(f'msgid "{_escaped(text)}"')
        if plural:
            lines.append(f'msgid_plural "{_escaped(plural)}"')
            forms = [*entry.texts, "", ""][:2]
            lines += [f'msgstr[{form}] "{_escaped(each)}"' for form, each in enumerate(forms)]
        else:
            lines.append(f'msgstr "{_escaped(entry.texts[0] if entry.texts else "")}"')
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("\n", "\\n").replace("\t", "\\t")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)


# --- The .mo file --------------------------------------------------------------------------------


def compiled(entries: Iterable[Entry]) -> bytes:
    """Return the .mo file of what is translated: same entries, same bytes."""
    rows = {"": _HEADER}
    for entry in entries:
        if entry.done:
            text, plural, context = entry.message
            key = f"{context}\x04{text}" if context else text
            rows[f"{key}\0{plural}" if plural else key] = "\0".join(entry.texts)
    pairs = sorted((key.encode(), text.encode()) for key, text in rows.items())
    head, table = 28, 8 * len(pairs)
    places: tuple[list[int], list[int]] = [], []
    body = bytearray()
    for side in (0, 1):
        for pair in pairs:
            places[side].extend((len(pair[side]), head + 2 * table + len(body)))
            body += pair[side] + b"\0"
    numbers = (0x950412DE, 0, len(pairs), head, head + table, 0, head + 2 * table)
    return struct.pack(f"<7I{4 * len(pairs)}I", *numbers, *places[0], *places[1]) + bytes(body)


def merged(entries: dict[Message, Entry], wanted: Iterable[Message]) -> list[Entry]:
    """Return an entry for each message that is wanted, with the translation that it had."""
    return [entries.get(message) or Entry(message, []) for message in sorted(wanted)]


def po_path() -> Path:
    return Path(settings.BASE_DIR) / PATH
