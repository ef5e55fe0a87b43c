"""The tree is the architecture diagram: layers, cycles, budgets, vendors, global effects."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import house_rules
import pytest
from house_rules import KINDS, SOURCE, Module, package

Rule = Callable[[list[Module]], list[str]]

PACKAGE = package()
RULE = {"modules": "list[Module]", "return": "list[str]"}
VERBS = ("apply", "assemble", "fuse", "rank", "run")

# Each rule, and a house that breaks it: module name -> source.
BROKEN: list[tuple[Rule, dict[str, str]]] = [
    (house_rules.climbing_imports, {"rows": "def f():\n    from quorate.apply import apply", "apply": ""}),
    (house_rules.climbing_imports, {"signals.mine": "import quorate.fuse", "fuse": ""}),
    (house_rules.imported_plugins, {"fuse": "from quorate.label_models import majority", "label_models.majority": ""}),
    (house_rules.imported_plugins, {"signals.a": "from quorate.signals.b import plugin", "signals.b": ""}),
    (house_rules.cycles, {"rows": "def f():\n    import quorate.values", "values": "from quorate import rows"}),
    (house_rules.relative_imports, {"rows": "def f():\n    from . import values"}),
    (house_rules.strayed_vendors, {"fuse": "def f():\n    from torch import nn"}),
    (house_rules.strayed_vendors, {"sources.sklearn": "def f():\n    vendor('spacy.tokens', 'spacy')"}),
    (house_rules.strayed_vendors, {"endpoints.cohere": "if True:\n    import openai"}),
    (house_rules.slow_imports, {"sources.sklearn": "from sklearn.base import clone"}),
    (house_rules.slow_imports, {"endpoints.openai": "try:\n    import openai\nexcept ImportError:\n    pass"}),
    (house_rules.hidden_imports, {"run": "import importlib as i\ni.import_module('torch')"}),
    (house_rules.prints, {"run": "def f():\n    print('done')"}),
    (house_rules.broad_excepts, {"run": "try:\n    pass\nexcept (ValueError, Exception):\n    pass"}),
    (house_rules.broad_excepts, {"run": "try:\n    pass\nexcept:\n    pass"}),
    (house_rules.global_effects, {"fuse": "import numpy as np\nnp.random.seed(0)"}),
    (house_rules.global_effects, {"fuse": "from random import shuffle as mix\nmix([])"}),
    (house_rules.global_effects, {"cli": "import warnings\nwarnings.filterwarnings('ignore')"}),
    (house_rules.global_effects, {"cli": "from logging import basicConfig\nbasicConfig()"}),
    (house_rules.long_modules, {"run": "\n" * 301}),
    (house_rules.long_functions, {"run": "def f():\n" + "    x = 1\n" * 60}),
    (house_rules.long_functions, {"run": "def f():\n" + "    x = 1\n" * 25}),
    (
        house_rules.crowded_classes,
        {"run": "class A:\n" + "".join(f"    def f{i}(self): return 1\n" for i in range(11))},
    ),
    (house_rules.positional_parameters, {"run": "def f(self, a, b, c, d, e, g):\n    return a"}),
    (house_rules.deep_inheritance, {"run": "class A: pass\nclass B(A): pass", "fuse": "class C(run.B): pass"}),
]
RULES = list(dict.fromkeys(rule for rule, _ in BROKEN))
ALLOWED: dict[Rule, int] = {house_rules.broad_excepts: 1}


def _named(case: Any) -> str | None:
    return case.__name__ if callable(case) else None


@pytest.mark.parametrize("rule", RULES, ids=_named)
def test_the_source_keeps_the_rule(rule: Rule) -> None:
    found = rule(PACKAGE)
    assert len(found) == ALLOWED.get(rule, 0), "\n".join(found)


@pytest.mark.parametrize(("rule", "files"), BROKEN, ids=_named)
def test_the_rule_finds_a_house_that_breaks_it(rule: Rule, files: dict[str, str]) -> None:
    assert rule([Module(f"quorate.{name}", text) for name, text in files.items()])


def test_every_rule_is_in_the_list() -> None:
    written = [thing for thing in vars(house_rules).values() if getattr(thing, "__annotations__", None) == RULE]
    assert set(written) == set(RULES)


@pytest.mark.parametrize("module", PACKAGE, ids=lambda module: module.name)
def test_every_module_has_a_layer(module: Module) -> None:
    assert 0 <= module.layer < len(house_rules.LAYERS)


def test_every_name_in_the_layers_is_a_module() -> None:
    assert set(house_rules.LAYER_OF) == {m.name.removeprefix("quorate.").split(".")[0] for m in PACKAGE if not m.kind}


def test_a_new_module_without_a_layer_is_told_where_to_get_one() -> None:
    with pytest.raises(
        AssertionError, match=r"quorate\.utils has no layer; give it one in LAYERS of tests/house_rules"
    ):
        assert Module("quorate.utils", "").layer


def test_the_one_broad_except_is_where_user_code_is_called() -> None:
    (found,) = house_rules.broad_excepts(PACKAGE)
    assert found.startswith("quorate.attempt:")


def test_type_checking_imports_are_no_edges() -> None:
    lazy = Module("quorate.rows", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import quorate.apply")
    assert house_rules.graph([lazy, Module("quorate.apply", "")])["quorate.rows"] == set()


def test_a_folder_is_a_kind_of_plugin_or_one_concept_in_several_files() -> None:
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == {*KINDS, *house_rules.CONCEPTS}


def test_plugin_folders_hold_files_alone() -> None:
    assert not [path for kind in KINDS for path in (SOURCE / kind).iterdir() if path.is_dir() and path.name[0] != "_"]


IMPORTS = """
import json, sys
import quorate
on_import = sorted(sys.modules)
import {modules}
verbs = {{name: type(getattr(quorate, name)).__name__ for name in {verbs}}}
from quorate.apply import as_source
homes = {{name: sys.modules["quorate." + name].__name__ for name in {verbs}}}
[getattr(quorate, name) for name in quorate.__all__]
print(json.dumps({{"on_import": on_import, "verbs": verbs, "homes": homes, "on_use": sorted(sys.modules)}}))
"""


@cache
def _fresh_process() -> dict[str, Any]:
    """What a new Python holds after `import quorate`, and after using every public name."""
    script = IMPORTS.format(modules=", ".join(f"quorate.{verb}" for verb in VERBS), verbs=VERBS)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("package", ["torch", "spacy", "openai", "cohere", "snorkel", "pandas", "sklearn", "pyarrow"])
def test_import_quorate_does_not_load(package: str) -> None:
    assert package not in _fresh_process()["on_import"]


@pytest.mark.parametrize("vendor", ["torch", "spacy", "openai", "cohere", "snorkel", "dask", "pyspark"])
def test_using_every_public_name_does_not_load(vendor: str) -> None:
    assert vendor not in _fresh_process()["on_use"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_stays_a_function_after_its_module_is_imported(verb: str) -> None:
    assert _fresh_process()["verbs"][verb] == "function"
    assert _fresh_process()["homes"][verb] == f"quorate.{verb}"
