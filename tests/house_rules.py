"""The house rules as functions over the source: each takes modules and returns what is wrong, in sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from projects import REPOSITORY

SOURCE = REPOSITORY / "src" / "quorate"
CONCEPTS = (
    *("agreement", "asking", "belief", "commands", "comparing", "estimating", "loopback", "prompts", "ranking"),
    *(
        "reporting",
        "review",
        "scanning",
        "steps",
        "streaming",
        "suggesting",
        "suspects",
        "tracking",
        "training",
        "training_sets",
    ),
    *("trust", "wires"),
)
"""Folders that are no kind of plug-in: one concept each, in more files than the top level should hold."""
KINDS = ("sources", "endpoints", "label_models", "signals", "exporters", "executors")

# Every module that is not a plug-in stands here; the package itself is the lowest: it imports nothing but when asked.
LAYERS = (
    "quorate errors frozen rows values packing patterns",
    "protocols shipping child endpoint_contract registry fingerprint attempt preprocessing reading columns misfits "
    "matching features phrases scanning tables row_groups cells durable wire wires asking prompts loopback "
    "agreement belief estimating ranking content_model training_sets suspects classifiers kept_model",
    "",  # the six plug-in folders
    "apply ask filing content fuse fuse_file vote_files why state trust rank assemble choosing comparing decisions "
    "standing reporting store rules run_files starter steps suggesting training predicting",
    "settings collector connections project voting lakehouse run fusing compare contestants plan doctor demo "
    "shortlist streaming told "
    "lock wanted exporting replay label_errors next_steps suggest tracking taught end_model",
    "cli commands __main__ review",
)
PLUGINS = 2
LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names.split()}

# The core meets plug-ins by name through the registry. The one exception: `doc` is a word of our own, which a
# labeling function may ask for, and spaCy's file is the one that knows how to make it.
ALLOWED_PLUGIN_IMPORTS = {("quorate.project", "quorate.sources.spacy")}

# A vendor's only home is the plug-in file of this name.
VENDORS = {v: v for v in ("openai", "cohere", "spacy", "snorkel", "dask")}
VENDORS |= {"mlflow": "mlflow", "kfp": "kubeflow"}
VENDORS |= {"deltalake": "delta", "fsspec": "remote"}
VENDORS |= {"torch": "snorkel", "distributed": "dask", "pyspark": "spark"}
HARMLESS_RANDOM = {"Generator", "PCG64", "Random", "SeedSequence", "default_rng"}
SAVES_RANDOM_STATE = "quorate.label_models.snorkel"
GLOBAL_EFFECTS = {"locale.setlocale", "logging.basicConfig", "numpy.seterr", "os.chdir", "os.putenv"}
GLOBAL_EFFECTS |= {"torch.manual_seed", "warnings.filterwarnings", "warnings.simplefilter"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name and its text."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def kind(self) -> str | None:
        """The kind of plug-in that the file is, if it is one."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 and parts[1] in KINDS else None

    @property
    def is_home(self) -> bool:
        """Whether a vendor's package may be imported here, in the file of its name: plug-ins, trackers and stores."""
        return self.kind is not None or self.name.startswith(("quorate.tracking.", "quorate.scanning."))

    @property
    def layer(self) -> int:
        if self.kind is not None:
            return PLUGINS
        name = self.name.removeprefix("quorate.").split(".")[0]
        assert name in LAYER_OF, f"{self.name} has no layer; give it one in LAYERS of tests/{Path(__file__).name}"
        return LAYER_OF[name]

    @cached_property
    def run_time_nodes(self) -> list[ast.AST]:
        return list(_walk(self.tree))

    @property
    def functions(self) -> list[Function]:
        """Every function with a body of its own; overloads and protocol stubs have none."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, Function)]
        return [f for f in found if not _is_stub(f)]

    @property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)]

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """What is called, by its full dotted name where an import tells it."""
        known = {
            alias.asname or alias.name.split(".")[0]: f"{prefix}{alias.name}" if alias.asname or prefix else ""
            for node in self.run_time_nodes
            if isinstance(node, ast.Import | ast.ImportFrom)
            for prefix in [f"{node.module}." if isinstance(node, ast.ImportFrom) else ""]
            for alias in node.names
        }
        named = [(ast.unparse(node.func), node) for node in self.run_time_nodes if isinstance(node, ast.Call)]
        return [(_resolved(name, known), call) for name, call in named]


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _walk(child)


def _is_stub(function: Function) -> bool:
    last = function.body[-1]
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant) and last.value.value is ...


def _resolved(name: str, known: dict[str, str]) -> str:
    head, dot, rest = name.partition(".")
    return f"{known.get(head) or head}{dot}{rest}"


def _imported(module: Module) -> list[tuple[str, ast.AST]]:
    """The dotted names that the module imports, and where."""
    found: list[tuple[str, ast.AST]] = []
    for node in module.run_time_nodes:
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(f"{node.module}.{alias.name}", node) for alias in node.names]
    return found


def package() -> list[Module]:
    """Every file of src/quorate."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ("quorate", *path.relative_to(SOURCE).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, path.read_text(encoding="utf-8")))
    return found


def graph(modules: list[Module]) -> dict[str, set[str]]:
    """Which modules each module imports, at its top or inside functions."""
    known = {module.name for module in modules}

    def target(name: str) -> str:
        while name not in known and "." in name:
            name = name.rpartition(".")[0]
        return name

    return {m.name: {target(name) for name, _ in _imported(m)} & known - {m.name} for m in modules}


def _edges(modules: list[Module]) -> list[tuple[Module, Module]]:
    by_name = {module.name: module for module in modules}
    return [(by_name[source], by_name[target]) for source, targets in graph(modules).items() for target in targets]


def relative_imports(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}:{node.lineno} imports by dots; write the name in full"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def climbing_imports(modules: list[Module]) -> list[str]:
    return [
        f"{source.name} (layer {source.layer}) imports {target.name} (layer {target.layer}), which is above it"
        for source, target in _edges(modules)
        if target.layer > source.layer
    ]


def imported_plugins(modules: list[Module]) -> list[str]:
    return [
        f"{source.name} imports {target.name}; plug-ins are reached by name, through quorate.registry"
        for source, target in _edges(modules)
        if target.kind and (source.name, target.name) not in ALLOWED_PLUGIN_IMPORTS
    ]


def cycles(modules: list[Module]) -> list[str]:
    try:
        TopologicalSorter(graph(modules)).prepare()
    except CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


def strayed_vendors(modules: list[Module]) -> list[str]:
    """Named in an import, or in a call of `registry.vendor` or `import_module`, anywhere but in their own plug-in."""
    return [
        f"{module.name} names {name}; its home is {VENDORS[name.split('.')[0]]}.py in a plug-in folder"
        for module in modules
        for name in [*(name for name, _ in _imported(module)), *_asked_for(module)]
        if name.split(".")[0] in VENDORS
        and (not module.is_home or module.name.rpartition(".")[2] != VENDORS[name.split(".")[0]])
    ]


def _asked_for(module: Module) -> list[str]:
    return [
        str(call.args[0].value)
        for name, call in module.calls
        if name.rpartition(".")[2] in ("vendor", "import_module", "__import__", "find_spec")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]


def slow_imports(modules: list[Module]) -> list[str]:
    return [
        f"{module.name} imports {name} at its top; do it inside the function that needs it"
        for module in modules
        for name, node in _imported(module)
        if name.split(".")[0] in {"sklearn", *VENDORS}
        and not any(node in ast.walk(function) for function in module.functions)
    ]


def hidden_imports(modules: list[Module]) -> list[str]:
    """Only the lazy public names and the registry may: nowhere else would the rules above see them."""
    return [
        f"{module.name} calls {name}"
        for module in modules
        for name, _ in module.calls
        if name.rpartition(".")[2] in ("import_module", "__import__")
        and module.name not in ("quorate", "quorate.registry")
    ]


def prints(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}:{call.lineno} prints; only cli.py speaks"
        for module in modules
        for name, call in module.calls
        if name == "print" and module.name != "quorate.cli"
    ]


def broad_excepts(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}:{node.lineno} catches {ast.unparse(node.type) if node.type else 'everything'}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        for caught in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])
        if caught is None or ast.unparse(caught) in ("Exception", "BaseException")
    ]


def global_effects(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}:{call.lineno} calls {name}, which changes the whole process"
        for module in modules
        for name, call in module.calls
        for owner, _, verb in [name.rpartition(".")]
        if name in GLOBAL_EFFECTS
        or (owner in ("random", "numpy.random") and verb not in HARMLESS_RANDOM and module.name != SAVES_RANDOM_STATE)
    ]


def long_modules(modules: list[Module]) -> list[str]:
    sizes = {module.name: len(module.text.splitlines()) for module in modules}
    return [f"{name} has {lines} lines, more than 300" for name, lines in sizes.items() if lines > 300]


def long_functions(modules: list[Module]) -> list[str]:
    lines = [((f.end_lineno or 0) - f.lineno + 1, f"{m.name}.{f.name}") for m in modules for f in m.functions]
    p95 = sorted(lines)[int(0.95 * (len(lines) - 1))][0] if lines else 0
    return [f"the 95th percentile of function lengths is {p95} lines, more than 25"] * (p95 > 25) + [
        f"{name} has {length} lines, more than 60" for length, name in lines if length > 60
    ]


def crowded_classes(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}.{cls.name} has more than 10 methods"
        for module in modules
        for cls in module.classes
        if sum(isinstance(f, Function) and not _is_stub(f) and not f.name.startswith("__") for f in cls.body) > 10
    ]


def positional_parameters(modules: list[Module]) -> list[str]:
    return [
        f"{module.name}.{f.name} takes more than 5 positional parameters"
        for module in modules
        for f in module.functions
        if len({a.arg for a in [*f.args.posonlyargs, *f.args.args]} - {"self", "cls"}) > 5
    ]


def deep_inheritance(modules: list[Module]) -> list[str]:
    bases = {c.name: {ast.unparse(b).rpartition(".")[2] for b in c.bases} for m in modules for c in m.classes}
    return [
        f"{name} inherits from {base}, which inherits from {', '.join(bases[base] & set(bases))}"
        for name, parents in bases.items()
        for base in parents & set(bases)
        if bases[base] & set(bases)
    ]
