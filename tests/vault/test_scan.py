"""The look for secrets at the end of a run finds what it should, and passes over databases."""

from pathlib import Path

from tests.secrets_scan import USED, leaks


def test_a_secret_in_any_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "worker-1.log").write_text(f"sent {USED[0]} to it", encoding="utf-8")
    (tmp_path / "clean.log").write_text("nothing", encoding="utf-8")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "PG_VERSION").write_text("18")
    (tmp_path / "base" / "1").write_text(USED[1])
    [found] = leaks(tmp_path)
    assert "worker-1.log holds p@ss w…" in found
    for path in tmp_path.rglob("*.log"):  # or the look at the end of the run finds them, too
        path.unlink()
