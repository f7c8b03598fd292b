"""The whole command line: the questions of corpus.cli, and what needs a trained model."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from corpus.cli import REPORTS, main, told
from corpus.results import read_json
from corpus.table import InputError
from train.ask import ADAPTERS, SYSTEMS, Question, answerer, chosen, places, trained

if TYPE_CHECKING:
    from train.hub_plan import Target

DTYPES = ("bfloat16", "float32")
MODELS = Path("models")
STATEMENTS = Path("statements")
LANGUAGE = click.option("--language", default=None, help="Key of languages; else the only active.")


@main.command("try")
@click.argument("text", required=False)
@LANGUAGE
@click.option("--variety", default=None, help="ISO 639-3 code; else the language's first.")
@click.option("--backward", is_flag=True, help="From the language to its pivot.")
@click.option("--system", type=click.Choice(SYSTEMS), default="mixed", show_default=True)
def ask(
    text: str | None, language: str | None, variety: str | None, backward: bool, system: str
) -> None:
    """Translate TEXT with the model that the last run trained, as evaluate asks it.

    Without TEXT every line of the input is answered. The systems: an adapter with or without
    synthetic rows, the base model, the phrase-based translator.
    """
    texts = [text] if text is not None else (line.rstrip("\n") for line in sys.stdin)
    told(answers(texts, language, (system, variety, backward)))


def answers(
    texts: Iterable[str], language: str | None, how: tuple[str, str | None, bool]
) -> Iterator[str]:
    """The answer to each text; the model is loaded once.

    Args:
        how: system, variety and whether backward.
    """
    from corpus import settings
    from train.evaluate import Evaluate  # its imports take time to load

    tree = settings.load()
    active, known = settings.languages(tree)
    key = chosen(language, active)
    system, variety, backward = how
    most = settings.section(Evaluate, "evaluate", tree).most_new_tokens
    answer = answerer(MODELS, Question(system, key, variety, backward), known[key], most)
    for text in texts:
        yield answer(text) if text.strip() else ""


@main.command("take-down")
@click.argument("file", type=click.Path(path_type=Path, exists=True), required=False)
@click.option("--check", is_flag=True, help="Search all files for what was taken down.")
def take_down(file: Path | None, check: bool) -> None:
    """Take down the rows, texts, documents, origins or contributors that FILE names.

    The list in takedown/ gets their hashes; the next 'dvc repro' leaves them out and makes anew
    what was made of them. With --check, FILE is a file or folder to search besides the project's.
    """
    from train.take_down import checked, taken_down  # their imports take time to load

    if file is None and not check:
        raise click.UsageError("give a FILE of requests, or --check")
    told(checked(Path(), file) if check or file is None else taken_down(file, Path()))


@main.group()
def export() -> None:
    """Write a model or the corpus so that others can use it."""


@export.command("data")
@click.argument("place", type=click.Path(path_type=Path))
@LANGUAGE
@click.option("--without", multiple=True, metavar="ORIGIN", help="Leave an origin out; repeatable.")
@click.option("--synthetic", is_flag=True, help="The mixture's synthetic rows too, apart.")
@click.option("--version", default=None, help="Of the data set, such as 1.0.0, for its metadata.")
def export_data(
    place: Path,
    language: str | None,
    without: tuple[str, ...],
    synthetic: bool,
    version: str | None,
) -> None:
    """Write the corpus as a data set of the Hub to the folder PLACE, if it may be passed on.

    Parquet files by split, a card, ATTRIBUTION.md and croissant.json. A row whose origin or terms
    do not allow it stops the export, and is named.
    """
    told(published(place, language, (without, synthetic, version)))


def published(
    place: Path, language: str | None, wanted: tuple[tuple[str, ...], bool, str | None]
) -> Iterator[str]:
    """Write the data set, and say what is in it."""
    from corpus import settings
    from train.publish import Wanted, publish  # datasets and mlcroissant take time to load

    key = chosen(language, settings.languages(settings.load())[0])
    yield from publish(Path(), key, Wanted(*wanted), place)


@export.command("hub")
@click.argument("name", metavar="OWNER/NAME")
@click.option("--kind", type=click.Choice(("dataset", "adapter")), required=True)
@LANGUAGE
@click.option("--without", multiple=True, metavar="ORIGIN", help="As for 'export data'.")
@click.option("--synthetic", is_flag=True, help="As for 'export data'.")
@click.option("--version", default=None, help="As for 'export data'.")
@click.option("--public", is_flag=True, help="For everybody; else for you and whom you let in.")
@click.option("--branch", default="main", show_default=True)
@click.option("--tag", default=None, help="Name this version, such as v1.0.0.")
@click.option("--message", default="Published by Milpa", show_default=True)
@click.option("--replace", is_flag=True, help="Delete what else is there under that name.")
@click.option("--squash", is_flag=True, help="Forget all earlier versions there, for good.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent and changed.")
@click.option("--yes", is_flag=True, help="Send it without asking.")
def export_hub(  # noqa: PLR0913 - one for each option
    name: str,
    kind: str,
    language: str | None,
    without: tuple[str, ...],
    synthetic: bool,
    version: str | None,
    public: bool,
    branch: str,
    tag: str | None,
    message: str,
    replace: bool,
    squash: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Publish the corpus, or the packaged adapter, at a Hugging Face Hub, if it may be passed on.

    Says first which files go and what becomes of those there; then asks. Sent is one commit. The
    account is that of 'hf auth login' or HF_TOKEN, the Hub is HF_ENDPOINT, else huggingface.co.
    """
    if kind == "adapter" and (without or synthetic or version):
        raise click.UsageError("--without, --synthetic and --version are of a dataset")
    from train.hub_plan import Target  # huggingface_hub takes time to load

    at = (branch, tag, message, replace, squash)
    target = Target(name, "dataset" if kind == "dataset" else "model", not public, *at)
    wanted = (without, synthetic, version) if kind == "dataset" else None
    told(sent(target, language, wanted, lambda: not dry_run and agreed(yes)))


def sent(
    target: "Target",
    language: str | None,
    wanted: tuple[tuple[str, ...], bool, str | None] | None,
    agree: Callable[[], bool],
) -> Iterator[str]:
    """Publish the data set, or the adapter where nothing is said of one."""
    from corpus import settings
    from train.hub import upload  # datasets, mlcroissant and huggingface_hub take time to load
    from train.publish import Wanted

    key = chosen(language, settings.languages(settings.load())[0])
    yield from upload(Path(), key, Wanted(*wanted) if wanted else None, target, agree)


def agreed(yes: bool) -> bool:
    """Whether to publish: as was said, or as the person at the terminal says now.

    Raises:
        InputError: nobody can be asked.
    """
    if not yes and not sys.stdin.isatty():
        raise InputError("nothing was sent, as nobody can be asked here; add --yes to publish")
    return yes or click.confirm("publish it?")


@export.command("model")
@click.argument("place", type=click.Path(path_type=Path))
@LANGUAGE
@click.option("--system", type=click.Choice(ADAPTERS), default="mixed", show_default=True)
@click.option("--dtype", type=click.Choice(DTYPES), default=DTYPES[0], show_default=True)
def export_model(place: Path, language: str | None, system: str, dtype: str) -> None:
    """Write base and adapter as one model to PLACE, and check it before it is there.

    PLACE is a folder, which transformers loads without peft, or a name that ends in .gguf: a file
    for llama.cpp and what is built on it (the Llama architecture, a byte-level vocabulary).
    """
    told(exported(place, language, system, dtype))


def exported(place: Path, language: str | None, system: str, dtype: str) -> Iterator[str]:
    """Write the model, and say how near it is and under which terms it stands."""
    from corpus import settings

    key = chosen(language, settings.languages(settings.load())[0])
    trained(MODELS, key)
    from train.export import export as write

    yield write(places(MODELS, key), system, place, dtype)
    yield terms(REPORTS / "package" / f"{key}.json")


def terms(path: Path) -> str:
    """What the report of package says of the terms."""
    if not path.exists():
        run = f"dvc repro package@{path.stem}"
        return f"its terms are not known: {path} does not exist; run '{run}'"
    report = read_json(path)
    closed = "" if report["may_be_passed_on"] else ": not to be passed on"
    return f"terms: {'; '.join(report['licences'])}{closed}"


@main.command()
@LANGUAGE
def statement(language: str | None) -> None:
    """Write the questions of the data statement to statements/, for the team to answer."""
    told(asked(language))


def asked(language: str | None) -> Iterator[str]:
    """Write the form, unless there is one; say which questions are open."""
    from corpus import settings
    from train.statement import form, gaps_of, read_statement

    active, known = settings.languages(settings.load())
    key = chosen(language, active)
    path = STATEMENTS / f"{key}.md"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(form(known[key].name), "utf-8")
    yield f"{path}: open: {', '.join(gaps_of(read_statement(STATEMENTS, key))) or 'nothing'}"


if __name__ == "__main__":
    main(prog_name="milpa")
