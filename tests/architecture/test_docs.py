"""What a person can use stands in docs/: every command with its options, every setting, every asset."""

from __future__ import annotations

import re
from pathlib import Path

import click
import dagster as dg
import pytest

import dataalchemy_pipelines.defs
from dataalchemy_pipelines.cli.app import program
from resources.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_command_stands_in_the_docs() -> None:
    text = page("commands.md")
    assert [" ".join(path) for path, _ in commands(program) if f"`{' '.join(path)}" not in text] == []


def test_every_option_stands_in_the_docs() -> None:
    text = page("commands.md")
    options = [
        (" ".join(path), option)
        for path, command in commands(program)
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--") and f"{option}" not in text
    ]
    assert options == []


def test_every_command_and_option_explains_itself() -> None:
    silent = [" ".join(path) for path, command in commands(program) if not command.help]
    silent += [
        f"{' '.join(path)} {parameter.name}"
        for path, command in commands(program)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert silent == []


def test_every_setting_stands_in_the_docs() -> None:
    text = page("settings.md")
    names = [field.alias or name for name, field in Settings.model_fields.items()]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_asset_stands_in_the_docs() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    assets = dg.load_assets_from_package_module(dataalchemy_pipelines.defs)
    keys = [key.to_user_string() for asset in assets if isinstance(asset, dg.AssetsDefinition) for key in asset.keys]
    assert keys
    assert [key for key in keys if f"`{key}`" not in text] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(path: Path) -> None:
    targets = [target for target in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (path.parent / target).exists()] == []
