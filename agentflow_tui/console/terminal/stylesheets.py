"""Where the style files are: in the installed package, or beside it in a checkout."""

from pathlib import Path, PurePath

_PACKAGE = Path(__file__).parents[2]
_PLACES = (_PACKAGE / "styles", _PACKAGE.parent / "styles")


def stylesheets() -> list[str | PurePath]:
    """Every ``.tcss`` file, the app's own first."""
    folder = next((place for place in _PLACES if (place / "app.tcss").is_file()), _PLACES[0])
    others = sorted(path for path in folder.glob("*.tcss") if path.name != "app.tcss")
    return [folder / "app.tcss", *others]
