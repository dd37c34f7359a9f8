"""The deployment of one's own that docs/deployments.md works out, as one has it after following the page."""

from __future__ import annotations

import re
import types
from typing import Any

from resources.settings import CHECKOUT, Settings

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def documented(settings: Settings) -> dict[str, Any]:
    """The resources that the settings pick, from the table of deployments with the page's function and line added."""
    (added,) = BLOCK.findall((CHECKOUT / "docs" / "deployments.md").read_text(encoding="utf-8"))
    table = (CHECKOUT / "resources" / "deployments.py").read_text(encoding="utf-8")
    module = types.ModuleType("documented")
    exec(compile(f"{table}\n\n{added}", "docs/deployments.md", "exec"), module.__dict__)
    found: dict[str, Any] = module.resources_for(settings)
    return found
