"""What quorate.toml says of endpoints, money and privacy, as the things themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from quorate.asking.capabilities import known_capabilities
from quorate.asking.desk import DeskSettings, HouseRules
from quorate.asking.prices import price_of
from quorate.errors import PluginError, Problem, ProjectError, did_you_mean, listed
from quorate.prompts.redaction import redactor
from quorate.protocols import Capable, Endpoint, Keyed
from quorate.registry import build, load
from quorate.rules import load_function
from quorate.settings import Settings

JOURNAL = "answers.sqlite"


def plugin_class(kind: str, options: Mapping[str, Any]) -> Any:
    """The plug-in class that `kind = "…"` names.

    Raises:
        ProjectError: there is none.
    """
    try:
        return load(kind, str(options["kind"]))
    except PluginError as error:
        raise ProjectError([Problem("kind", str(error))]) from None


def declared_plugin(kind: str, options: Mapping[str, Any], folder: Path) -> Any:
    """The plug-in that a table of quorate.toml declares.

    Raises:
        ProjectError: there is none of that kind, or its options do not fit.
    """
    plugin_class(kind, options)
    return build(kind, str(options["kind"]), {k: v for k, v in options.items() if k != "kind"}, folder)


def open_endpoint(name: str, settings: Settings, folder: Path) -> Endpoint:
    """The endpoint of `[endpoints.NAME]`, with what `quorate doctor` learned of it.

    Raises:
        ProjectError: its options do not fit.
        PluginError: its host is not allowed, or its price is not known and money is capped.
    """
    endpoint: Any = declared_plugin("endpoints", settings.endpoints[name], folder)
    learned = known_capabilities(folder, endpoint)
    if learned and isinstance(endpoint, Capable):
        endpoint = replace(endpoint, supports={**learned, **endpoint.supports})  # type: ignore[type-var]
    host = urlsplit(endpoint.base_url).hostname or ""
    allowed = settings.privacy.hosts
    if allowed and host not in allowed:
        raise PluginError(f"asks {host!r}, which privacy.hosts does not allow; it allows {listed(allowed)}")
    if settings.budget.max_usd is not None and price_of(endpoint) is None:
        raise PluginError(
            f"has no known price, so budget.max_usd cannot hold; add [endpoints.{name}.price] with input and output "
            "in US dollars per million tokens, or cap budget.max_tokens instead"
        )
    made: Endpoint = endpoint
    return made


def chosen(name: str, endpoints: Mapping[str, Any]) -> Any:
    """The endpoint of that name.

    Raises:
        ProjectError: there is none, or what quorate.toml says of it does not fit.
    """
    if endpoints.get(name) is None:
        known = f"there are {listed(endpoints)}" if endpoints else "there are none"
        why = "is declared with faults" if name in endpoints else f"is no table of [endpoints]; {known}"
        raise ProjectError([Problem("endpoint", f"{name!r} {why}.{did_you_mean(name, set(endpoints) - {name})}")])
    return endpoints[name]


def desk_settings(settings: Settings, folder: Path) -> DeskSettings:
    """How the project's endpoints are asked.

    Raises:
        PluginError, ProjectError: what is to be redacted cannot be told.
    """
    privacy, budget = settings.privacy, settings.budget
    function = load_function(folder, privacy.redact_with) if privacy.redact_with else None
    rules = HouseRules(redact=redactor(privacy.redact, function))
    return DeskSettings(folder / ".quorate" / JOURNAL, budget.max_usd, budget.max_tokens, rules)


def check_keys(endpoints: Mapping[str, Endpoint]) -> None:
    """
    Raises:
        ProjectError: an endpoint's key is not where it should be; every such endpoint is named.
    """
    problems = []
    for name, endpoint in endpoints.items():
        try:
            if isinstance(endpoint, Keyed):
                endpoint.check()
        except PluginError as error:
            problems.append(Problem(f"endpoints.{name}", str(error)))
    if problems:
        raise ProjectError(problems)
