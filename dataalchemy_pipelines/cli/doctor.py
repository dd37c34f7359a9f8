"""`doctor`: what this deployment needs on this machine, and the command that mends what is missing."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from resources.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def doctor(settings: Settings, as_json: bool) -> None:
    """Test what this deployment needs on this machine; each failure comes with the command that mends it."""
    from dataalchemy_pipelines.cli.app import EXIT_MISSING, EXIT_OK
    from resources.examine import examine

    findings = list(examine(settings))
    for finding in findings:
        if as_json:
            click.echo(json.dumps(asdict(finding)))
        else:
            click.echo(
                f"{finding.mark:<5} {finding.what:<12} {finding.state}" + (f"  -> {finding.fix}" if finding.fix else "")
            )
    raise SystemExit(EXIT_MISSING if any(finding.mark == "fail" for finding in findings) else EXIT_OK)
