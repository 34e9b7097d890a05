"""The README's examples, in order, as one program for each library."""

import re
from pathlib import Path

import pytest

import dropout_kernels.torch as torch_modules

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("chapter, number", [("dropout-kernels for Python", 1), ("PyTorch modules", 9), ("NumPy", 1)])
def test_examples(chapter: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = re.split(rf"^##? {chapter}\n", README, flags=re.MULTILINE)[1].split("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == number
    try:
        exec("\n".join(examples), {})
    finally:
        torch_modules.uninstall()
