"""The script of a page's exercises, module by module, in node."""

from pathlib import Path

from cosface_edu.publishing import practice

HERE = Path(__file__).parent


def test_script(node, tmp_path: Path) -> None:
    for name, text in practice.modules({"files": [], "info": {}}).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert int(node(HERE / "practice.test.mjs", PRACTICE=str(tmp_path))["pass"]) > 0
