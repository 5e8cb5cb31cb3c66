"""Count the figures of a pack again, from its entries alone:  python3 recompute.py PACK

PACK: the ZIP file or its folder; check it with verify.py first. Reads ev/ and, for what was said of
each day, month, session, refusal and person, report.json and tables/; prints OK with its counts,
or each figure that differs. Needs Python 3.9 and nothing else (on a machine without time zones, the
package tzdata).

Times are seconds since 1970, spans have their first and not their last second. None is not known.
"""

import pathlib
import sys
import zipfile

from .compare import compare

SHOWN = 30


def main(arguments):
    if len(arguments) != 1:
        print(__doc__)
        return 2
    try:
        folder = pathlib.Path(arguments[0])
        if folder.is_dir():
            files = [file for file in folder.rglob("*") if not file.is_dir()]
            names = [file.relative_to(folder).as_posix() for file in files]
            *differ, counted = compare(lambda name: (folder / name).open("rb"), names)
        else:
            with zipfile.ZipFile(folder) as file:
                *differ, counted = compare(file.open, file.namelist())
    except Exception as error:
        print(f"FAILED {type(error).__name__}: {error}")
        return 1
    for words in differ[:SHOWN]:
        print(words)
    print(f"DIFFER {len(differ)} figures of {counted}" if differ else f"OK {counted}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
