"""The command line for what is no stage: questions over finished tables; train.cli adds models."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from corpus.table import InputError

DATA = Path("data")
REPORTS = Path("reports")


def say(lines: Callable[[], Iterable[str]]) -> None:
    """Print lines; what the user can mend is one line and exit status 1."""
    try:
        for line in lines():
            click.echo(line)
    except InputError as error:
        raise click.ClickException(str(error)) from None


def told(lines: Iterable[str]) -> None:
    """Print lines as they come; what the user can mend is one line and exit status 1."""
    try:
        for line in lines:
            click.echo(line)
    except InputError as error:
        raise click.ClickException(str(error)) from None


@click.group()
@click.version_option(package_name="milpa")
def main() -> None:
    """Grow, check and version a corpus for a low-resource language.

    Run it in a project's folder, that of dvc.yaml or languages/CODE (docs/languages.md).
    """


@main.command()
@click.argument("asked", metavar="ID|TEXT")
@click.option("--revisions", is_flag=True, help="And what became of it in every version built.")
def why(asked: str, revisions: bool) -> None:
    """Show every stage's verdict on the row ID, with reason, value and limit.

    ID may be the beginning of an id; TEXT is one side of a row, whatever its case, punctuation or
    spelling. Rows made from it are listed with their own verdicts.
    """
    from corpus import settings
    from corpus.lives import lives  # duckdb takes time to load

    say(lambda: lives(DATA, asked, settings.languages(settings.load())[1], revisions))


@main.command()
@click.argument("old")
@click.argument("new")
@click.argument("stage", required=False)
@click.option(
    "--rows", "listed", is_flag=True, help="Show rows side by side, with what differs marked."
)
@click.option("--json", "form", flag_value="json", help="One JSON object; all rows with --rows.")
@click.option("--csv", "form", flag_value="csv", help="A line for each row that differs.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page that opens offline.")
@click.option(
    "--most",
    type=click.IntRange(0),
    help="Rows of a stage; else 20, on a page 2000, in JSON and CSV all.",
)
def diff(  # noqa: PLR0913 - one for each option
    old: str,
    new: str,
    stage: str | None,
    listed: bool,
    form: str | None,
    html: Path | None,
    most: int | None,
) -> None:
    """Show which rows differ between the versions OLD and NEW, in STAGE or all, and why.

    A version is a git revision, a DVC experiment, 'workspace', or PROJECT#REVISION of another
    repository. Data come from the cache or the remote; nothing is checked out.
    """
    from corpus import settings
    from corpus.shown import Form, answer  # duckdb and dvc take time to load

    wanted = Form(form or "text", listed, html, most)
    say(lambda: answer((old, new), stage, settings.languages(settings.load())[1], wanted))


@main.command()
@click.argument("text")
def identify(text: str) -> None:
    """Show what the models of identification take TEXT for, and which of its words say so."""
    from corpus import settings
    from corpus.explain import explain

    models = DATA / "identify/models"
    say(lambda: explain(models, text, *settings.languages(settings.load())))


@main.command()
@click.argument("language")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--licence", default="unknown", help="SPDX name, or the terms by name.")
@click.option("--trusted", is_flag=True, help="Clean enough to learn limits and a model from.")
@click.option("--pivot", default=None, help="As spa_Latn; else that of the files, or the likely.")
def new(language: str, folder: Path, licence: str, trusted: bool, pivot: str | None) -> None:
    """Make a project for LANGUAGE of the texts in FOLDER, and say what is missing.

    LANGUAGE is an ISO 639 code or an English name. The project is languages/CODE, with settings of
    its own and the files in UTF-8; dvc.yaml builds it beside the others.
    """
    from corpus.new import new as describe  # its tables take time to load
    from corpus.project import home
    from corpus.proposal import Told

    say(lambda: describe(language, folder, home(Path()).root, Told(licence, trusted, pivot)))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def repro(options: tuple[str, ...]) -> None:
    """Build the project of this folder: 'dvc repro' for its stages, with OPTIONS of that.

    'dvc repro' in the folder of dvc.yaml builds all projects.
    """
    from corpus.project import LOCK, home, keys_of, remember

    try:
        stages = [f"*@{key}" for key in keys_of(Path())]
    except InputError as error:
        raise click.ClickException(str(error)) from None
    command = [sys.executable, "-m", "dvc", "repro", "--glob", *stages, *options]
    lock = home(Path()).root / LOCK
    before = lock.read_bytes() if lock.exists() else None
    if status := subprocess.run(command, cwd=lock.parent, check=False).returncode:
        sys.exit(status)
    if lock.exists() and lock.read_bytes() != before:
        remember(Path())


@main.command()
def results() -> None:
    """Show what the last run came to, for each active language, and where its report is."""
    from corpus import settings
    from corpus.results import results as table

    say(lambda: table(REPORTS, *settings.languages(settings.load())))


@main.command("check-remote")
@click.argument("remote", required=False)
@click.option("--read", is_flag=True, help="Read every object, not only its size.")
@click.option("--remove", is_flag=True, help="Delete what is wrong, so that a push sends it again.")
def check_remote(remote: str | None, read: bool, remove: bool) -> None:
    """Name what REMOTE (else the default one) lacks of this version, or holds half or altered.

    'dvc push' takes an object for whole when its name is there, 'dvc pull' does not name a bad one.
    """
    from corpus.remote import check_remote as check  # dvc takes time to load

    told(check(Path(), remote, read, remove))
