"""The public names: few, sorted, importable, typed, and all of them used in typed_usage.py."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typed_usage
from projects import REPOSITORY, needs, write_project
from taught_rows import write_taught

import quorate
from quorate.end_model import Wanted, train
from quorate.project import open_project

PACKAGE = REPOSITORY / "src" / "quorate"
USAGE = Path(typed_usage.__file__)


def _for_type_checkers() -> dict[str, str]:
    """The names under TYPE_CHECKING in quorate/__init__.py, and the modules they are said to come from."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: str(node.module) for node in imports for alias in node.names}


def test_the_public_names_are_sorted_unique_and_few() -> None:
    assert quorate.__all__ == sorted(set(quorate.__all__))
    assert len(quorate.__all__) <= 30


@pytest.mark.parametrize("name", quorate.__all__)
def test_a_public_name_can_be_imported(name: str) -> None:
    thing = getattr(quorate, name)
    assert getattr(thing, "__name__", name) == name
    assert getattr(thing, "__doc__", None)


def test_dir_and_star_give_the_public_names() -> None:
    everything: dict[str, object] = {}
    exec("from quorate import *", everything)
    assert dir(quorate) == quorate.__all__
    assert set(quorate.__all__) == set(everything) - {"__builtins__"}


def test_an_unknown_name_is_an_attribute_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match=r"'quorate' has no attribute 'labelling_function'"):
        _ = quorate.labelling_function


def test_type_checkers_see_the_names_where_they_are_found_at_run_time() -> None:
    seen = _for_type_checkers()
    assert sorted(seen) == quorate.__all__
    assert all(getattr(import_module(home), name) is getattr(quorate, name) for name, home in seen.items())


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_the_typed_usage_file_uses_every_public_name() -> None:
    tree = ast.parse(USAGE.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert set(quorate.__all__) <= names | attributes


def test_the_typed_usage_runs(tmp_path: Path) -> None:
    typed_usage.in_a_notebook()
    typed_usage.with_gold_and_a_training_set()
    typed_usage.what_fusing_learned(tmp_path / "state.npz")
    assert "cannot be told" in typed_usage.two_sources_compared()
    assert len(typed_usage.labels_in_doubt()) == 1
    assert typed_usage.a_document_on_demand().derived["doc"].columns == ("text",)
    assert typed_usage.a_project(write_project(tmp_path / "spam")).report["rows"] == 4
    kept = tmp_path / "model"
    train(open_project(write_taught(tmp_path / "taught")), Wanted(weigh_worth=False, out=kept))
    assert typed_usage.what_a_model_says(kept)[0] == "SPAM"
    assert typed_usage.what_to_do_next(write_project(tmp_path / "spam")) == 0
    assert typed_usage.a_review_without_a_browser(write_project(tmp_path / "spam")) == 1
    assert "quorate init" in str(typed_usage.the_one_exception_to_catch(tmp_path))


def test_a_type_checker_agrees_with_the_typed_usage() -> None:
    needs("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", str(USAGE)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False, timeout=300)
    assert done.returncode == 0, done.stdout
