"""`toolkit recipes`: what can be trained."""

from __future__ import annotations

import typer

from toolkit.cli.terminal import Debug, Json, print_json

_HELP = """List the recipes that toolkit train knows.

Example:

  toolkit train photos/ --recipe unet_256
"""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("recipes", help=_HELP, short_help="List what can be trained.")(recipes)


def recipes(as_json: Json = False, debug: Debug = False) -> None:
    from toolkit.training.recipe import load_recipe, recipe_names

    loaded = [load_recipe(name) for name in recipe_names()]
    if as_json:
        told = ("name", "summary", "source", "reproduces")
        print_json([{key: getattr(recipe, key) for key in told} for recipe in loaded])
        return
    for recipe in loaded:
        print(f"{recipe.name:18} {recipe.summary}")
        print(f"{'':18} source: {recipe.source}; {recipe.epochs} epochs; {recipe.generator.name}")
        if recipe.reproduces:
            print(f"{'':18} reproduces: {recipe.reproduces}")
