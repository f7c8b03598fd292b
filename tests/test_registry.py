"""The packaged adapter as an artifact: a git tag is a version, and DVC alone brings it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent


def run(folder: Path, *words: str) -> str:
    """Run a program of this environment in a folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    names = {f"GIT_{who}_{what}": "citlali@example.org" for who in ("AUTHOR", "COMMITTER")
             for what in ("NAME", "EMAIL")}  # fmt: skip
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **names, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_artifact_is_what_package_makes() -> None:
    tree = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))
    made, _ = tree["stages"]["package"]["do"]["outs"]
    artifact = tree["artifacts"]["adapter"]
    assert artifact["path"] == made.replace("${item}", "").replace("${key}", "${active[0]}")
    assert artifact["type"] == "model"


@pytest.mark.slow
def test_each_version_is_brought_from_a_clone(tmp_path: Path) -> None:
    tree = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))
    project, clone = tmp_path / "project", tmp_path / "clone"
    card = project / "models/package/orm/README.md"
    card.parent.mkdir(parents=True)
    cut = {
        "stages": {"package": {"cmd": "true", "outs": ["models/package/orm"]}},
        "artifacts": tree["artifacts"],
    }
    (project / "dvc.yaml").write_text(yaml.safe_dump(cut), "utf-8")
    (project / "params.yaml").write_text("active: [orm, nah]\n", "utf-8")
    run(project, "git", "init", "-q")
    run(project, "dvc", "init", "-q")
    run(project, "dvc", "remote", "add", "-d", "-q", "store", str(tmp_path / "store"))
    for version in ("v1.0.0", "v1.1.0"):
        card.write_text(f"Afaan Oromoo {version}", "utf-8")
        run(project, "dvc", "commit", "-q", "-f")
        run(project, "git", "add", ".")
        run(project, "git", "commit", "-q", "-m", version)
        run(project, "git", "tag", "-a", f"adapter@{version}", "-m", version)
        run(project, "dvc", "push", "-q")
    run(tmp_path, "git", "clone", "-q", str(project), str(clone))
    run(tmp_path, "dvc", "artifacts", "get", "-o", "newest", str(clone), "adapter")
    assert (tmp_path / "newest/README.md").read_text("utf-8") == "Afaan Oromoo v1.1.0"
    version = ("--rev", "v1.0.0", "-o", "first")
    run(tmp_path, "dvc", "artifacts", "get", *version, str(clone), "adapter")
    assert (tmp_path / "first/README.md").read_text("utf-8") == "Afaan Oromoo v1.0.0"
