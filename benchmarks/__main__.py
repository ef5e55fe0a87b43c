"""The door: `python -m benchmarks NAME [--data FOLDER] [--quick] [--json]`."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

from benchmarks import output
from benchmarks.measurement import ROOT, Context, Suite, WrongAnswer


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 measured, 1 an answer was wrong, 2 a call that makes no sense."""
    asked = _parser().parse_args(arguments)
    suite: Suite = import_module(f"benchmarks.suites.{asked.name}")
    context = Context(_data(asked.data), asked.quick)
    show = output.as_json if asked.json else output.as_table
    try:
        show(asked.name, suite, context)
    except WrongAnswer as error:
        print(f"wrong answer: {error}", file=sys.stderr)
        return 1
    return 0


def names() -> list[str]:
    """Every benchmark: a file in `suites/`."""
    return sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "suites")]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measures quorate beside its peers.")
    parser.add_argument("name", type=_module, choices=names(), metavar="NAME", help=f"one of: {', '.join(names())}")
    parser.add_argument("--data", type=_folder, help="a folder of open data (default: ../shared/data where present)")
    parser.add_argument("--quick", action="store_true", help="less data and fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, and a last one with the summary")
    return parser


def _module(name: str) -> str:
    """On a command line hyphens come easier: clean-or-more is clean_or_more."""
    return name.replace("-", "_")


def _folder(path: str) -> Path:
    if not Path(path).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path!r}")
    return Path(path)


def _data(given: Path | None) -> Path | None:
    shared = ROOT.parent / "shared" / "data"
    return given or (shared if shared.is_dir() else None)


if __name__ == "__main__":
    sys.exit(main())
