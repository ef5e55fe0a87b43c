"""What `quorate doctor` learned of endpoints, kept beside the project; never guessed from a model's name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quorate.protocols import Endpoint

FILE = "doctor.json"


def known_capabilities(folder: Path, endpoint: Endpoint) -> dict[str, bool]:
    """What is known of this model at this server: "schema", "logprobs", "temperature"; empty before the doctor came."""
    found = read_findings(folder).get(finding_name(endpoint), {}).get("supports", {})
    return {str(name): bool(value) for name, value in found.items() if value is not None}


def finding_name(endpoint: Endpoint) -> str:
    """By what findings are kept: another server or model under the same name in quorate.toml is another patient."""
    return f"{endpoint.wire} {endpoint.base_url} {endpoint.model}"


def read_findings(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Every finding by `finding_name`; none where the file is absent or damaged, for the doctor can come again."""
    try:
        found: dict[str, Mapping[str, Any]] = json.loads((folder / ".quorate" / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found
