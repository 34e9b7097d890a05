"""The README's examples, in order, as one program for each library."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("chapter", ["NumPy", "PyTorch"])
def test_examples(chapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = README.split(f"\n## {chapter}\n")[1].split("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == {"NumPy": 1, "PyTorch": 5}[chapter]
    exec("\n".join(examples), {})
