"""What the documents show is run in a shell, as a reader types it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120
RUN = re.compile(r"<!-- run -->\n```sh\n(.*?)```\n(?:<!-- prints -->\n```text\n(.*?)```)?", re.DOTALL)

Shell = Callable[[str], str]
Examples = Callable[..., None]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Runs a script in the repository's folder, ends what it left running, and returns its standard error."""

    def run(script: str) -> str:
        told = tmp_path / "told"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        with told.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                ["sh", "-eu", "-c", script],
                cwd=ROOT,
                env={"PATH": path, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
                stderr=stream,
                start_new_session=True,
            )
            try:
                code = process.wait(SECONDS)
            finally:
                # The sandbox stays in the group of the shell that started it.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait(SECONDS)
        text = told.read_text(encoding="utf-8")
        assert 0 == code, text
        return text

    return run


@pytest.fixture
def run_examples(shell: Shell, tmp_path: Path) -> Examples:
    """Runs the examples of pages in one shell, and compares what they print with what the pages show."""

    def run(*pages: str) -> None:
        examples = [found for page in pages for found in RUN.findall(page)]
        script = "".join(f'exec > "{tmp_path}/{number}"\n{code}' for number, (code, _) in enumerate(examples))
        told = shell(script)
        printed = [(tmp_path / str(number)).read_text(encoding="utf-8") for number in range(len(examples))]

        assert [shown for _, shown in examples if shown] == [
            text for text, (_, shown) in zip(printed, examples, strict=True) if shown
        ]
        for number, (code, _) in enumerate(examples):
            for wanted in re.findall(r"\| grep '(.+)'$", code, re.MULTILINE):
                assert wanted in printed[number], told

    return run
