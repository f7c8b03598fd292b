#!/usr/bin/env python3
"""python3 make.py repro | ablation | test | lint | dvc … | milpa …: everything a newcomer types.

Makes .venv on first use, and again when pyproject.toml or constraints.txt change; then runs the
command with that environment on PATH. Needs Python 3.11 or newer and git, nothing else; uses uv
where it is installed. Inside an active virtual environment it installs there instead.
TORCH_INDEX=<a package index of PyTorch's> chooses the build of torch (CPU, CUDA, ROCm).
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
COMMANDS = {
    "repro": [["milpa", "repro"], ["milpa", "results"]],
    "test": [["pytest", "-q", "-m", "", "-n", "2", "--dist", "loadfile"]],
    "lint": [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]],
    "ablation": [["dvc", "repro", "ablation/dvc.yaml"]],
    "bench": [
        ["python", "-m", "benchmarks.identify"],
        ["python", "-m", "benchmarks.dedup", "100000"],
        ["python", "-m", "benchmarks.udhr"],
    ],
}
EXTRAS = {"bench": "bench"}  # of pyproject.toml, beside dev, that a command needs


def main() -> None:
    """Set up, then run the command; its exit status is ours."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    programs = setup(EXTRAS.get(sys.argv[1]))
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    env = {**os.environ, "PATH": path, "PYTHONHASHSEED": "0"}
    name, *rest = sys.argv[1:]
    first, *then = COMMANDS.get(name, [[name]])
    for command in ([*first, *rest], *then):
        program = shutil.which(command[0], path=path)
        if program is None:
            sys.exit(f"{command[0]} is no command of this environment; see python3 make.py --help")
        status = subprocess.run([program, *command[1:]], cwd=ROOT, env=env).returncode
        if status:
            sys.exit(status)


def setup(extra: str | None) -> Path:
    """The folder of the environment's programs, after bringing it up to date."""
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    active = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    env = Path(os.environ.get("CONDA_PREFIX", sys.prefix)) if active else ROOT / ".venv"
    programs = env / ("Scripts" if os.name == "nt" else "bin")
    files = [ROOT / name for name in ("pyproject.toml", "constraints.txt")]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp = env / ".milpa-installed"
    installed = stamp.read_text().split() if stamp.exists() else []
    extras = {"dev", *installed[1:], *([extra] if extra else [])}
    if installed == [wanted, *sorted(extras)]:
        return programs
    if not active:
        create(env)
    install(programs, sorted(extras))
    stamp.write_text(" ".join([wanted, *sorted(extras)]))
    return programs


def create(env: Path) -> None:
    """Make the virtual environment, whole or not at all."""
    if (env / "pyvenv.cfg").exists():
        return
    uv = shutil.which("uv")
    made = subprocess.run([uv, "venv", "-q", env] if uv else [sys.executable, "-m", "venv", env])
    if made.returncode:
        shutil.rmtree(env, ignore_errors=True)
        sys.exit("no virtual environment could be made: install python3-venv (Debian) or uv")


def install(programs: Path, extras: list[str]) -> None:
    """Install the project, with some extras, at the versions that were tested together."""
    print("installing what Milpa needs (a few minutes, once)", file=sys.stderr, flush=True)
    python = programs / ("python.exe" if os.name == "nt" else "python")
    uv = shutil.which("uv")
    pip = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    torch = os.environ.get("TORCH_INDEX")
    index = ["--extra-index-url", torch] if torch else []
    wanted = ["-c", ROOT / "constraints.txt", "-e", f"{ROOT}[{','.join(extras)}]"]
    if subprocess.run([*pip, "-q", *index, *wanted]).returncode:
        sys.exit("the installation failed (see above); mend it and run the same command again")


if __name__ == "__main__":
    main()
