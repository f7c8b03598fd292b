"""Laws of the clusters: brute force, stars, planted copies, order and shards."""

import json
import lzma
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from corpus import minhash
from corpus.dedup import Dedup, dedup
from corpus.orthography import matching_key
from corpus.settings import Language
from corpus.shards import Shards
from corpus.table import InputError, row_id, write_shard

ROOT = Path(__file__).parent.parent
PARAMS = Dedup(
    similarity=0.8, least_estimate=0.65, slots=126, most_met=3.0, most_peers=16, rensa="0.5.0"
)
SHARDS = Shards(most_bytes=1000, workers=1, runner="pool", most_retries=0)
LANGUAGES = {
    "nah": Language("Nahuatl", ("nci",), "Latn", "spa_Latn", (), "nah"),
    "orm": Language("Oromo", ("orm",), "Latn", "eng_Latn", (), None),
}
with lzma.open(
    ROOT / "languages/orm/data/raw/libreoffice-help.om.jsonl.xz", "rt", encoding="utf-8"
) as lines:
    OROMO = [json.loads(line) for line in lines]
WORDS = np.array(sorted({word for row in OROMO for word in row["orm"].split()}))

Corpus = Callable[..., pa.Table]
Rows = dict[str, tuple[str, str, float]]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Rows]:
    """Run the stage on a table cut into some shards: id -> cluster, group, similarity."""

    def rows(table: pa.Table, shards: int = 1, params: Dedup = PARAMS) -> Rows:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        size = -(-len(table) // shards) or 1
        for number in range(shards):
            write_shard(table.slice(number * size, size), folder / "rows" / f"{number:05}.parquet")
        made = dedup(folder / "rows", LANGUAGES, params, SHARDS, folder / "out")
        assert not list((folder / "out").iterdir())  # nothing but the table stays
        clusters = made.tables["clusters"]
        assert clusters["id"].to_pylist() == table["id"].to_pylist()
        return {i: (c, g, s) for i, c, g, s in zip(*clusters.to_pydict().values(), strict=True)}

    return rows


def sets_of(texts: Sequence[str]) -> list[set[str]]:
    """The shingles of each key, the plain way."""
    return [{k[i : i + 5] for i in range(max(1, len(k) - 4))} for k in texts]


def index(left: set[str], right: set[str]) -> float:
    """The Jaccard index of two sets."""
    return len(left & right) / len(left | right)


def sentence(random: np.random.Generator, words: int) -> list[str]:
    """Words of Oromo at random."""
    return [str(word) for word in random.choice(WORDS, words)]


def near_copy(text: list[str], edits: int, random: np.random.Generator) -> list[str]:
    """The text with some words replaced."""
    copy = list(text)
    for place in random.choice(len(copy), edits, replace=False):
        copy[place] = str(WORDS[random.integers(0, len(WORDS))])
    return copy


def test_an_empty_table_has_no_cluster(run: Callable[..., Rows], corpus: Corpus) -> None:
    assert run(corpus()) == {}


@pytest.mark.parametrize("target", ["Nehuatl nimitztlazohtla", "a", "", "!", None, "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ"])
def test_one_row_is_its_own_cluster(
    run: Callable[..., Rows], corpus: Corpus, target: str | None
) -> None:
    assert run(corpus(target)) == {"0": ("0", "0", 1.0)}


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Ximotlali nican.", "  ximotlali   NICAN ", True),  # case, punctuation, white space
        ("in quimopiyelia", "in kimopiyelia", True),  # two spellings of a Nahuatl word
        ("ça", "c\u0327a", True),  # NFC and NFD
        ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "ᏣᎳᎩ, ᎦᏬᏂᎯᏍᏗ!", True),
        ("នាងទៅផ្សារ", "នាងទៅផ្ទះ", False),
        ("atl", "atl", True),
        ("atl", "tetl", False),  # shorter than a shingle
        ("", "", False),  # an empty key is like no other
        ("?!", "...", False),
        (None, None, False),
    ],
)
def test_equal_keys_meet(
    run: Callable[..., Rows], corpus: Corpus, left: str | None, right: str | None, same: bool
) -> None:
    rows = run(corpus(left, right), shards=2)
    assert (rows["1"][:2] == ("0", "0")) is same
    assert rows["1"][2] == 1.0


def test_a_cluster_is_of_one_language(run: Callable[..., Rows], corpus: Corpus) -> None:
    text = " ".join(OROMO[0]["orm"].split() * 3)
    table = corpus(text, text, text, f"{text} a", None, None, sources=(None,) * 4 + ("no",) * 2)
    codes = ["xyz_Latn", "orm_Latn", "xyz_Latn", "orm_Latn", "xyz_Latn", "orm_Latn"]
    place = table.schema.get_field_index("language")
    table = table.set_column(place, table.schema.field(place), pa.array(codes))
    rows = run(table, shards=2)
    assert [rows[str(n)][0] for n in range(6)] == ["0", "3", "0", "3", "4", "5"]
    assert [rows[str(n)][1] for n in range(6)] == ["0", "0", "0", "0", "4", "4"]


@pytest.mark.parametrize("target", ["casa", None])
def test_a_cut_shard_is_one_line(target: str | None, corpus: Corpus, tmp_path: Path) -> None:
    shard = tmp_path / "rows" / "00000.parquet"
    write_shard(corpus(target), shard)
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"rows cannot be read \(00000.parquet: "):
        dedup(tmp_path / "rows", LANGUAGES, PARAMS, SHARDS, tmp_path / "out")


def test_rows_without_target_cluster_by_source(run: Callable[..., Rows], corpus: Corpus) -> None:
    casa = "La casa de mi hermano es grande"
    table = corpus(None, None, "Notlacatl", sources=(casa, f"¡{casa}!", casa))
    clusters = {key: row[0] for key, row in run(table).items()}
    assert clusters == {"0": "0", "1": "0", "2": "2"}


def test_a_group_links_either_side(run: Callable[..., Rows], corpus: Corpus) -> None:
    """Targets link 1-2, sources 0-1; nulls and empty keys link nothing."""
    table = corpus(
        "Ce tlacatl oyahqui", "Nochan cah nican", "nochan cah nican", None, "", "?",
        sources=("Mi casa es esta", "¡Mi casa es esta!", None, None, "", "..."),
    )  # fmt: skip
    rows = run(table)
    assert [row[1] for row in rows.values()] == ["0", "0", "0", "3", "4", "5"]
    assert [row[0] for row in rows.values()] == ["0", "1", "1", "3", "4", "5"]


def test_a_chain_is_one_group_but_several_stars(run: Callable[..., Rows], corpus: Corpus) -> None:
    random = np.random.default_rng(1)
    chain = [sentence(random, 40)]
    for place in range(5):  # each differs from the last in two words more
        link = list(chain[-1])
        link[8 * place : 8 * place + 2] = sentence(random, 2)
        chain.append(link)
    texts = [" ".join(link) for link in chain]
    rows = run(corpus(*texts))
    sets = sets_of([matching_key("nah")(text) for text in texts])
    assert index(sets[0], sets[-1]) < 0.8 <= min(map(index, sets, sets[1:]))
    assert {row[1] for row in rows.values()} == {"0"}
    assert len({row[0] for row in rows.values()}) > 1
    for key, (centre, _, similarity) in rows.items():
        assert similarity == pytest.approx(index(sets[int(key)], sets[int(centre)]))
        assert similarity >= 0.8


def test_the_longest_text_is_the_centre(run: Callable[..., Rows], corpus: Corpus) -> None:
    text = "Auh in icuac oacico in tlacatl ompa ichan niman oquinnotz in ipilhuan"
    rows = run(corpus(text, f"{text} huan", text.upper()))
    assert [row[0] for row in rows.values()] == ["1", "1", "1"]
    assert rows["0"][2] == rows["2"][2] < rows["1"][2] == 1.0


def brute_force(keys: list[str], ids: list[str]) -> tuple[dict[str, str], list[tuple[int, int]]]:
    """The star clusters by comparing every pair, and the near pairs."""
    sets = sets_of(keys)
    order = sorted(range(len(keys)), key=lambda n: (-len(keys[n]), ids[n]))
    near = [
        (a, b)
        for a, b in combinations(order, 2)
        if min(len(sets[a]), len(sets[b])) >= 0.8 * max(len(sets[a]), len(sets[b]))
        and index(sets[a], sets[b]) >= 0.8
    ]
    centre = dict(zip(ids, ids, strict=True))
    place = {n: at for at, n in enumerate(order)}
    for a, b in sorted(near, key=lambda pair: (place[pair[1]], place[pair[0]])):
        if centre[ids[b]] == ids[b] and centre[ids[a]] == ids[a]:
            centre[ids[b]] = ids[a]
    return centre, near


def real_rows(corpus: Corpus, count: int) -> pa.Table:
    """Segments of LibreOffice's help with their English, a quarter edited; ids by content."""
    random = np.random.default_rng(7)
    some = OROMO[:: len(OROMO) // count][:count]
    sides = [(row["eng"] or None, row["orm"] or None) for row in some]
    for at in range(3, count, 4):  # a copy of an earlier segment, with at most two words replaced
        words = (sides[at - 2][1] or "").split()
        copy = near_copy(words, min(len(words), int(random.integers(0, 3))), random)
        sides[at] = (sides[at - 1][0], " ".join(copy) or None)
    sources, targets = zip(*sides, strict=True)
    table = corpus(*targets, sources=sources, language="orm_Latn", source_language="eng_Latn")
    ids = [row_id("test", *pair, sides[:n].count(pair)) for n, pair in enumerate(sides)]
    return table.set_column(0, table.schema.field("id"), pa.array(ids))


@pytest.mark.slow
def test_brute_force_finds_no_other_clusters(run: Callable[..., Rows], corpus: Corpus) -> None:
    table = real_rows(corpus, 2000)
    ids = table["id"].to_pylist()
    keys = [matching_key(None)(text) for text in table["target"].to_pylist()]
    centre, near = brute_force(keys, ids)
    rows = run(table)
    met = [rows[ids[a]][1] == rows[ids[b]][1] for a, b in near]
    assert len(near) > 100
    assert np.mean(met) >= 0.99
    assert np.mean([rows[i][0] == centre[i] for i in ids]) >= 0.99
    assert all(similarity >= 0.8 for _, _, similarity in rows.values())


@pytest.mark.slow
def test_order_and_shards_change_nothing(run: Callable[..., Rows], corpus: Corpus) -> None:
    table = real_rows(corpus, 3000)
    expected = run(table)
    assert run(table) == expected
    shuffled = table.take(np.random.default_rng(3).permutation(len(table)))
    for shards in (1, 2, 4):
        assert run(shuffled, shards) == expected


@pytest.mark.slow
@pytest.mark.parametrize("size", [5, 6, 7])
def test_planted_copies_are_found(size: int) -> None:
    """Recall by Jaccard index of the bands and signatures alone, as many as a large table uses."""
    random = np.random.default_rng(size)
    texts = []
    for _ in range(2500):
        words = sentence(random, 60)
        texts += [" ".join(words), " ".join(near_copy(words, int(random.integers(1, 9)), random))]
    sets = minhash.shingle_sets(texts)
    truth = minhash.jaccard(sets[::2], sets[1::2])
    signatures = minhash.signatures(texts, PARAMS.slots)
    ends = np.arange(0, len(texts), 2), np.arange(1, len(texts), 2)
    likely = minhash.estimates(signatures, *ends) >= PARAMS.least_estimate
    met = np.zeros(len(truth), np.bool_)
    for band in minhash.bands(signatures, size):
        met |= band[::2] == band[1::2]
    for least, most, recall in ((0.8, 0.85, 0.95), (0.85, 1.01, 0.99)):
        some = (truth >= least) & (truth < most)
        assert some.sum() > 200
        assert np.mean((met & likely)[some]) >= recall


def test_shingle_sets_are_those_of_the_plain_way() -> None:
    texts = ["a", "atl", "aaaaaaaa", "in xochitl in cuicatl", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "𐐷𐐨𐐻𐐨𐐻𐐨"]
    texts += [" ".join(WORDS[n : n + 5]) for n in range(0, 500, 5)]
    plain = sets_of(texts)
    sets = minhash.shingle_sets(texts)
    assert [len(some) for some in sets] == [len(some) for some in plain]
    pairs = list(combinations(range(len(texts)), 2))
    indices = minhash.jaccard([sets[a] for a, _ in pairs], [sets[b] for _, b in pairs])
    assert indices == pytest.approx([index(plain[a], plain[b]) for a, b in pairs])


def test_estimates_are_unbiased() -> None:
    random = np.random.default_rng(5)
    texts = []
    for _ in range(600):
        words = sentence(random, 30)
        texts += [" ".join(words), " ".join(near_copy(words, 4, random))]
    sets = minhash.shingle_sets(texts)
    truth = minhash.jaccard(sets[::2], sets[1::2])
    ends = np.arange(0, len(texts), 2), np.arange(1, len(texts), 2)
    guess = minhash.estimates(minhash.signatures(texts, 126), *ends)
    assert abs(np.mean(guess - truth)) < 0.01
    assert np.std(guess - truth) < 0.06


def test_a_crowded_bucket_costs_few_pairs() -> None:
    pairs = minhash.band_pairs(np.zeros(1000, np.uint64), most_peers=16)
    assert len(pairs) < 18 * 1000
    low, high = np.divmod(minhash.merged(pairs, pairs), 1000)
    assert (low < high).all()
    assert set(high) == set(range(1, 1000))


def test_a_crowd_of_equal_shape_is_one_group(run: Callable[..., Rows], corpus: Corpus) -> None:
    """Hundreds of texts that differ in a number, as in headings."""
    words = " ".join(WORDS[:20])
    rows = run(corpus(*(f"{words} {number}" for number in range(300))))
    assert {row[1] for row in rows.values()} == {"0"}
    assert {row[0] for row in rows.values()} == {"100"}  # the first of the longest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"similarity": 1.5}, "need 0 < least_estimate <= similarity <= 1, got"),
        ({"least_estimate": 0.9}, "need 0 < least_estimate <= similarity <= 1, got"),
        ({"most_peers": 0}, "need slots >= 8, most_peers >= 1 and most_met > 0, got"),
        ({"slots": 7}, "need slots >= 8, most_peers >= 1 and most_met > 0, got"),
    ],
)
def test_settings_out_of_range_are_named(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PARAMS, **change)


def test_another_rensa_is_an_error(run: Callable[..., Rows], corpus: Corpus) -> None:
    with pytest.raises(InputError, match=r"is installed, params.yaml: dedup.rensa is '0.1'"):
        run(corpus("atl"), params=replace(PARAMS, rensa="0.1"))


@pytest.mark.slow
def test_the_program_writes_its_table_and_report(tmp_path: Path, corpus: Corpus) -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    tree["shards"] |= {"workers": 2}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    table = real_rows(corpus, 200)
    for number in range(2):
        write_shard(table.slice(100 * number, 100), tmp_path / f"rows/{number:05}.parquet")
    command = [sys.executable, "-m", "corpus.dedup", "rows=rows", "out=out", "report=report.json"]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clusters", "keys"]
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["rensa"] == PARAMS.rensa
