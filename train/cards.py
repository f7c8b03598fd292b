"""Data card and model card in the form of the Hugging Face Hub: a YAML header, then sections."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData, EvalResult, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from corpus.results import SPLITS, Tree, bounds, estimate, rows_of, summary
from corpus.rights import heeded
from corpus.settings import Languages, at_work, owner_of
from corpus.table import shard_paths

TEMPLATES = Path(__file__).parent / "templates"
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)  # the Hub's categories
HUB = "hub/"  # a source's path begins with it where it is a data set of the Hub
METHODS = {"lora": "A LoRA adapter for", "ia3": "An IA³ adapter for", "full": "All weights of"}
NAMES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "n>100M")


def cell(value: object) -> str:
    """A value as tables show it.

    >>> cell(16111), cell(0.123456), cell(None), cell(True)
    ('16,111', '0.1235', '–', 'yes')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return f"{value:,.0f}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def markdown(value: object) -> str:
    """A value in a cell of a Markdown table."""
    return " ".join(cell(value).split()).replace("|", "\\|")


def environment() -> Environment:
    """Where templates are found and how they show values; what a template lacks is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"cell": cell, "markdown": markdown}
    return made


def rendered(template: str, facts: Mapping[str, Any]) -> str:
    """A template filled in."""
    return environment().get_template(template).render(facts)


def hashed(path: Path) -> str:
    """The SHA-256 of a file; of a table that of its shards: cat FOLDER/*.parquet | sha256sum."""
    found = sha256()
    for part in [path] if path.is_file() else shard_paths(path):
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    return found.hexdigest()


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows.

    >>> size_category(16111)
    '10K<n<100K'
    """
    return NAMES[sum(rows >= size for size in SIZES)]


def licence(origins: list[Tree], base: str | None = None) -> dict[str, Any]:
    """The header's licence: one that all origins share, else "other" and their names.

    Args:
        base: of the base model, which binds too; null where nobody says it.
    """
    names = sorted({*(origin["licence"] for origin in origins), *([base] if base else [])})
    if len(names) == 1 and " " not in names[0]:
        return {"license": names[0].lower()}
    return {"license": "other", "license_name": "; ".join(names)}


def origins(reports: Tree, keys: tuple[str, ...]) -> list[Tree]:
    """What gather says of the sources of some languages."""
    return [o for o in reports["gather"]["sources"].values() if o["language"] in keys]


def varieties(reports: Tree, key: str, languages: Languages) -> list[list[Any]]:
    """Rows of each variety that were kept, and in each split."""
    kept, by_split = reports["select"]["kept_by_language"], reports["split"]["by_split"]
    return [
        [
            code,
            *(
                sum(part.get(code, {}).values())
                for part in (kept, *(by_split.get(n, {}) for n in SPLITS))
            ),
        ]
        for code in sorted(kept)
        if owner_of(code, languages) == key
    ]


def of_corpus(
    reports: Tree, active: tuple[str, ...], languages: Languages, params: Mapping[str, Any]
) -> Tree:
    """What every card says of the corpus."""
    mixed = reports["mix"]["languages"]
    of = origins(reports, active)
    labels = {one["origin"]: one["rights"]["labels"] for one in of}
    return {
        "active": active,
        "languages": languages,
        "reports": reports,
        "unreviewed": [languages[key].name for key in active if not mixed[key]["reviewed"]],
        "origins": of,
        "near": origins(reports, at_work(active, languages)[len(active) :]),
        "varieties": {key: varieties(reports, key, languages) for key in active},
        "terms": {key: heeded(mixed[key]["terms"], labels) for key in active},
        **params,
    }


def shared(
    reports: Tree, active: tuple[str, ...], languages: Languages, params: Mapping[str, Any]
) -> Tree:
    """What both cards and the page say."""
    return {
        **of_corpus(reports, active, languages, params),
        "summaries": {key: summary(reports, key, languages) for key in active},
        "verdicts": {
            key: verdicts(reports["evaluate"][key], reports["adapt"][key]) for key in active
        },
    }


def data_card(facts: Tree, folder: Tree | None = None) -> str:
    """The card of the corpus.

    Args:
        folder: of the published data set that the card lies in: see `train.published`.
    """
    reports, active, languages = facts["reports"], facts["active"], facts["languages"]
    kept = reports["select"]["kept_by_language"]
    size = sum(rows_of(kept, key, languages) for key in active)
    names = ", ".join(languages[key].name for key in active)
    header = DatasetCardData(
        language=codes(facts),
        **licence(folder["bound"] if folder else facts["origins"]),
        multilinguality="translation" if paired(facts) else "monolingual",
        task_categories=["translation", "text-generation"],
        size_categories=[size_category(folder["rows"] if folder else size)],
        pretty_name=f"{names} corpus",
        tags=["milpa", "low-resource"],
        **(folder["header"] if folder else {}),
    )
    more = {"header": header.to_yaml(), "names": names, "folder": folder}
    return rendered("data_card.md.j2", {**facts, **more})


def codes(facts: Tree) -> list[str]:
    """ISO 639-3 codes of the varieties, and of the pivots that there is text of."""
    found = {row[0].split("_")[0] for rows in facts["varieties"].values() for row in rows}
    pivots = {facts["languages"][key].pivot for key in paired(facts)}
    return sorted(found | {pivot.split("_")[0] for pivot in pivots})


def paired(facts: Tree) -> list[str]:
    """The active languages that have rows with a source side."""
    sources = facts["reports"]["gather"]["sources"].values()
    some = {one["language"] for one in sources if one["rows"] > one["target_alone"]}
    return [key for key in facts["active"] if key in some]


def model_card(facts: Tree, package: Tree | None = None) -> str:
    """The card of the adapters.

    Args:
        package: of the folder that the card lies in: see `train.package`.
    """
    reports, active = facts["reports"], facts["active"]
    names = ", ".join(facts["languages"][key].name for key in active)
    method = reports["adapt"][active[0]]["method"]
    told = package or {"base_licence": None, "base_model": None, "task": "text-generation"}
    header = ModelCardData(
        language=codes(facts),
        **licence(facts["origins"], told["base_licence"]),
        base_model=told["base_model"] or reports["base"]["model"],
        library_name="transformers" if method == "full" else "peft",
        pipeline_tag=told["task"],
        datasets=hub_sets(facts["origins"]) or None,
        metrics=["bits_per_byte", "chrf"],
        tags=["milpa", method, "low-resource", *(["unreviewed"] if facts["unreviewed"] else [])],
        model_name=f"{names} adapter",
        eval_results=[r for key in active for r in evaluations(key, reports["evaluate"][key])],
    )
    more = {"header": header.to_yaml(), "names": names, "method": METHODS[method]}
    return rendered("model_card.md.j2", {**facts, **more, "package": package})


def hub_sets(origins: list[Tree]) -> list[str]:
    """The data sets of the Hub among the origins.

    >>> hub_sets([{"path": "hub/citlali/tales"}, {"path": "raw/mine.csv"}])
    ['citlali/tales']
    """
    return sorted(o["path"].removeprefix(HUB) for o in origins if o["path"].startswith(HUB))


def evaluations(key: str, report: Tree) -> list[EvalResult]:
    """The adapter's own figures, for the header."""
    found = (
        ("text-generation", "bits_per_byte", report["bits_per_byte"].get("text", {}).get("mixed")),
        ("translation", "chrf++", report["chrf"].get("answers", {}).get("mixed")),
    )
    return [
        EvalResult(
            task_type=task,
            dataset_type="milpa",
            dataset_name=f"test split, {key}",
            dataset_config=key,  # the Hub would merge two languages' figures without it
            dataset_split="test",
            metric_type=metric,
            metric_value=value[0],
            metric_args={"low": value[1], "high": value[2]},
        )
        for task, metric, tree in found
        if (value := bounds(tree))
    ]


def met(report: Tree) -> str:
    """How much synthetic text an adapter's comparison is about; nothing where it is not said."""
    drawn = report.get("mixed", {}).get("drawn")
    if not drawn:
        return ""
    return (
        f" In its few steps it met {drawn['synthetic_pairs']:,} synthetic pairs of "
        f"{drawn['pairs']:,} and {drawn['synthetic_texts']:,} synthetic texts of "
        f"{drawn['texts']:,}."
    )


def verdicts(report: Tree, trained: Tree) -> list[str]:
    """What the intervals say, in plain words.

    Args:
        report: of evaluate.
        trained: of adapt.
    """
    text = report["bits_per_byte"].get("text", {})
    chrf = report["chrf"]
    there, back, said = (chrf.get(n, {}) for n in ("to_target", "to_source", "answers"))
    lines = [saving(text.get("saved", {}).get("mixed"))]
    sentences = (
        ("The adapter's own translation, against copying the input", said, "adapter_over_copy"),
        ("The adapter's own translation, against the base model's", said, "adapter_over_base"),
        ("The phrase-based translator into it, against copying", there, "translator_over_copy"),
        ("The phrase-based translator out of it, against copying", back, "translator_over_copy"),
        ("Synthetic rows in the phrase-based translator", there, "synthetic_in_translator"),
        ("Synthetic rows in the adapter's own translation", said, "synthetic_in_adapter"),
    )
    for what, tree, name in sentences:
        line = judged(what, tree.get(name), "chrF++", 2)
        lines.append(line + met(trained) if line and name == "synthetic_in_adapter" else line)
    lines.append(judged("Synthetic rows in the adapter's text", text.get("synthetic"),
                        "bits per byte", 3))  # fmt: skip
    return [line for line in lines if line]


def saving(tree: Tree | None) -> str:
    """What the adapter saves of the base model's bits."""
    value = bounds(tree)
    if value is None or value[1] is None or value[2] is None:
        return ""
    share = f"{value[0]:.1%} [{value[1]:.1%}, {value[2]:.1%}]"
    if value[1] > 0:
        return f"On human test text the adapter spends {share} fewer bits per byte than the base."
    sure = "more" if value[2] < 0 else "as many, as far as this test set can tell,"
    return f"On human test text the adapter spends {sure} bits per byte; share saved: {share}."


def judged(what: str, tree: Tree | None, unit: str, digits: int) -> str:
    """One comparison as a sentence."""
    if not tree or not bounds(tree):
        return ""
    means = {
        "better": "better",
        "worse": "worse",
        "cannot tell": "too small a difference for this test set to tell",
    }
    return f"{what}: {estimate(tree, digits, '+')} {unit}: {means[tree['verdict']]}."
