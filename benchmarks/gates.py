"""Do the gates tell good made text from bad? For each method and engine, from validate's report.

python -m benchmarks.gates [reports/validate.json]
"""

import json
import sys
from pathlib import Path
from typing import Any

from corpus.results import estimate

REPORT = "reports/validate.json"


def lines(report: dict[str, Any]) -> list[str]:
    """A line for each gate of each calibrated method, strongest first."""
    found = []
    for key, language in report["languages"].items():
        for method, figures in language["calibration"].items():
            found.append(f"{key} {method}: {figures['truth']}, {figures['rows']} rows")
            if not figures["rows"]:
                continue
            found[-1] += f", {figures['engine']}, mean chrF++ {figures['chrf']:.1f}"
            gates = {"all trusted": figures["together"], **figures["gates"]}
            measured = {n: g for n, g in gates.items() if g["spearman"] is not None}
            for name, gate in sorted(measured.items(), key=lambda p: -abs(p[1]["spearman"])):
                weight = figures["weights"].get(name)
                found.append(
                    f"  {name:12} Spearman {estimate(gate):22} best half "
                    f"{gate['best_half']:.1f}, worst half {gate['worst_half']:.1f}"
                    + (f", weight {weight:.2f}" if weight else "")
                )
    return found


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else REPORT)
    print("\n".join(lines(json.loads(path.read_text("utf-8")))))
