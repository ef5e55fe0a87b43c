"""The door: `python -m benchmarks NAME [--data FOLDER] [--quick] [--json]`, where `all` is every name."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from benchmarks import output
from benchmarks.measurement import LIMIT_S, ROOT, Context, Suite, WrongAnswer

ALL = "all"


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 measured, 1 an answer was wrong, 2 a call that makes no sense."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    context = Context(_data(asked.data), asked.quick, asked.limit or LIMIT_S, asked.plot, tuple(asked.only))
    suites: dict[str, Suite] = {name: suite_of(name) for name in (names() if asked.name == ALL else [asked.name])}
    _refuse_unheard(parser, asked, suites)
    if asked.name == ALL:
        return output.all_as_json(suites, context) if asked.json else output.all_as_table(suites, context)
    show = output.as_json if asked.json else output.as_table
    try:
        show(asked.name, suites[asked.name], context)
    except WrongAnswer as error:
        print(f"wrong answer: {error}", file=sys.stderr)
        return 1
    return 0


def suite_of(name: str) -> Suite:
    """The suite of this name."""
    suite: Suite = import_module(f"benchmarks.suites.{name}")
    return suite


def _refuse_unheard(parser: argparse.ArgumentParser, asked: argparse.Namespace, suites: Mapping[str, Suite]) -> None:
    """An option that no suite hears is a mistake of the caller."""
    heard = {option for suite in suites.values() for option in getattr(suite, "OPTIONS", ())}
    for option in ("limit", "plot", "only"):
        if getattr(asked, option) and option not in heard:
            parser.error(f"--{option} tells {asked.name} nothing; it is for: {', '.join(_hearing(option))}")
    for suite in suites.values():
        parts = getattr(suite, "PARTS", asked.only)
        if unknown := set(asked.only) - set(parts):
            parser.error(f"--only: no part is called {', '.join(sorted(unknown))}; there are {', '.join(parts)}")


def _hearing(option: str) -> list[str]:
    return [name for name in names() if option in getattr(suite_of(name), "OPTIONS", ())]


def names() -> list[str]:
    """Every benchmark: a file in `suites/`."""
    return sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "suites")]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measures quorate beside its peers.")
    parser.add_argument(
        "name", type=_module, choices=[*names(), ALL], metavar="NAME", help=f"one of: {', '.join(names())}, or all"
    )
    parser.add_argument("--data", type=_folder, help="a folder of open data (default: ../shared/data where present)")
    parser.add_argument("--quick", action="store_true", help="less data and fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, and a last one with the summary")
    parser.add_argument(
        "--limit", type=_seconds, help="seconds that a peer may take over one case (scale; default: 300)"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the curves (scale)")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="measure this part alone (scale)")
    return parser


def _seconds(given: str) -> float:
    value = float(given)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{given} is no time to measure anything in")
    return value


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
