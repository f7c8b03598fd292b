"""Draws docs/graph.svg from dvc.yaml: `python docs/graph.py`, with Graphviz's tred and dot."""

import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
FILLS = {"corpus": "#f4efe1", "augment": "#e6f0dd", "train": "#f6e2d3"}  # by package
STYLE = """
rankdir=LR; ranksep=0.35; nodesep=0.15;
node [shape=box, style="rounded,filled", color="#7a5c2e", fontname="sans-serif", fontsize=12,
      height=0.35, margin="0.12,0.05"];
edge [color="#7a5c2e", arrowsize=0.7];
"""


def drawn(graph: dict[str, dict]) -> str:
    """The stages in Graphviz's language, an edge where one's output holds another's dependency."""
    kinds = ("outs", "metrics", "plots")
    outs = {path(o): n for n, stage in graph.items() for kind in kinds for o in stage.get(kind, [])}
    lines = []
    for name, stage in graph.items():
        package = stage["cmd"].split("python -m ")[1].split(".")[0]
        lines.append(f'"{name}" [fillcolor="{FILLS[package]}"];')
        makers = {
            maker
            for dep in stage.get("deps", [])
            for out, maker in outs.items()
            if maker != name and f"{out}/".startswith(f"{dep}/") | f"{dep}/".startswith(f"{out}/")
        }
        lines += [f'"{maker}" -> "{name}";' for maker in sorted(makers)]
    return f"digraph {{{STYLE}{' '.join(lines)}}}"


def path(out: str | dict[str, object]) -> str:
    """The path of an output, with or without options."""
    return out if isinstance(out, str) else next(iter(out))


def main() -> None:
    """Draw it."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    graph = {name: stage["do"] for name, stage in stages.items()}
    dot = drawn(graph)
    for command in (["tred"], ["dot", "-Tsvg"]):
        dot = subprocess.run(command, input=dot, capture_output=True, text=True, check=True).stdout
    (ROOT / "docs/graph.svg").write_text(dot, "utf-8")


if __name__ == "__main__":
    main()
