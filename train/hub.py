"""A folder as a repository of a Hugging Face Hub: said beforehand, sent as one commit, read back.

The branch then holds the files of the folder and no others, so what left the corpus leaves it.
Earlier commits keep it; `squash` forgets them, and the stored files that only they had.
Source: https://huggingface.co/docs/huggingface_hub/guides/upload
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from corpus.table import InputError
from train.hub_faults import AGAIN, mendable
from train.hub_plan import Plan, Target, changed, files_at, files_in, planned, seen
from train.publish import Wanted, packaged, publish

MAIN = "main"


def upload(
    root: Path, key: str, wanted: Wanted | None, target: Target, agreed: Callable[[], bool]
) -> Iterator[str]:
    """Publish the data set of a language, or its adapter where nothing is wanted of that.

    Raises:
        InputError: it may not be passed on; or the Hub cannot be reached, refuses, or holds
            something else there.
    """
    if wanted is None:
        folder, licences = packaged(root, key)
        yield f"{folder}: terms: {'; '.join(licences)}"
        yield from publish_to(HfApi(), folder, target, agreed)
        return
    with TemporaryDirectory(prefix="milpa-") as scratch:
        folder = Path(scratch) / key
        for line in publish(root, key, wanted, folder):
            yield line.replace(str(folder), key)
        yield from publish_to(HfApi(), folder, target, agreed)


def publish_to(
    api: HfApi, folder: Path, target: Target, agreed: Callable[[], bool]
) -> Iterator[str]:
    """Send a folder to the Hub after saying what goes; says what came of it.

    Args:
        agreed: asked once, when all is said and nothing is sent; false: nothing will be.

    Raises:
        InputError: the Hub cannot be reached or refuses, or holds something else there.
    """
    local = files_in(folder)
    for name, path in local.items():
        yield f"{name}: {path.stat().st_size:,} bytes"
    total = sum(path.stat().st_size for path in local.values())
    yield f"{len(local)} files, {total:,} bytes"
    with mendable(api, target):
        plan = planned(api, local, target)
    yield from told(api, target, plan)
    if plan.done and not target.squash:
        yield "all of it is there already; nothing to send"
    elif agreed():
        with mendable(api, target):
            yield from sent(api, local, target, plan)
    else:
        yield "nothing was sent"


def told(api: HfApi, target: Target, plan: Plan) -> Iterator[str]:
    """What would change, and who would see it."""
    for name, change in plan.changes.items():
        if plan.exists and change != "same":
            yield f"{change}: {name}"
    counts = Counter(plan.changes.values())
    sizes = ", ".join(f"{counts[k]} {k}" for k in ("new", "changed", "same", "deleted"))
    reach = "private" if target.private else "PUBLIC"
    state = "is there" if plan.exists else "will be made"
    yield f"{api.endpoint}/{target.page}: {reach}, {state}, branch {target.branch}: {sizes}"
    if target.squash:
        yield "--squash forgets all its earlier versions, for good"
    if not plan.done and not target.private:
        yield "who has had it keeps it: publishing cannot be called back"


def sent(api: HfApi, local: dict[str, Path], target: Target, plan: Plan) -> Iterator[str]:
    """Make the repository if needed, and the one commit; then squash and tag.

    Raises:
        InputError: what the Hub then has is not what was sent.
    """
    if not plan.exists:
        api.create_repo(target.name, repo_type=target.kind, private=target.private)
    if plan.head is None and target.branch != MAIN:
        api.create_branch(target.name, repo_type=target.kind, branch=target.branch)
    commit = plan.head or head_of(api, target)
    operations = [
        CommitOperationDelete(name, is_folder=False)
        if change == "deleted"
        else CommitOperationAdd(name, local[name])
        for name, change in plan.changes.items()
        if change != "same"
    ]
    if operations:
        commit = api.create_commit(
            target.name,
            operations,
            repo_type=target.kind,
            revision=target.branch,
            commit_message=target.message,
            parent_commit=commit,
        ).oid
    check_sent(api, local, target, commit)
    if target.squash:
        commit = squashed(api, target)
        check_sent(api, local, target, commit)
    if target.tag and not plan.done:
        api.create_tag(target.name, repo_type=target.kind, tag=target.tag, revision=commit)
    yield f"published: {api.endpoint}/{target.page}/tree/{target.tag or target.branch} ({commit})"


def head_of(api: HfApi, target: Target) -> str:
    """The commit that the branch is at.

    Raises:
        InputError: others see the repository than was asked for.
    """
    info = api.repo_info(target.name, repo_type=target.kind, revision=target.branch)
    if info.private is not target.private:
        raise InputError(seen(info.private is True, target))
    return str(info.sha)


def check_sent(api: HfApi, local: dict[str, Path], target: Target, commit: str) -> None:
    """Pass where a commit holds exactly these files, byte by byte.

    Raises:
        InputError: it does not; names the files.
    """
    found = changed(local, files_at(api, target, commit))
    if wrong := [f"{name} ({change})" for name, change in found.items() if change != "same"]:
        raise InputError(
            f"{target.page} does not hold what was sent: {', '.join(wrong)}; is there a "
            f".gitignore, or did somebody else write to it?{AGAIN}"
        )


def squashed(api: HfApi, target: Target) -> str:
    """Forget earlier commits and the stored files that only they had; returns the new commit."""
    api.super_squash_history(
        target.name, repo_type=target.kind, branch=target.branch, commit_message=target.message
    )
    commit = head_of(api, target)
    used = {f.lfs.sha256 for f in files_at(api, target, commit).values() if f.lfs is not None}
    stored = api.list_lfs_files(target.name, repo_type=target.kind)
    left = [file for file in stored if not {file.file_oid, file.oid} & used]
    api.permanently_delete_lfs_files(
        target.name, left, repo_type=target.kind, rewrite_history=False
    )  # fmt: skip
    return commit
