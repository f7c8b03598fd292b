"""What sft teaches: no prompt tells its answer, only answers are learned, text gives no orders."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from corpus.settings import section
from corpus.table import InputError
from train.answers import answered, most_tokens, too_long
from train.chat import Conversation, chat_example, conversation, conversations
from train.examples import IGNORED, Example, joined, pair_example
from train.prompts import Tasks
from train.reached import task_figures, usable
from train.tasks import (
    HERE,
    Question,
    Taught,
    answer_of,
    asked_in_test,
    held_out,
    questions_drawn,
    taught_by,
    trained_on,
)
from train.titles import cut, holds

BASE = Path(__file__).parent.parent / "models" / "base"  # SmolLM2, where the graph has run
TRANSLATION = {"share": 1.0, "prompt": "{source_language}: {source}\n{language}:"}
TITLE = {"share": 1.0, "prompt": "{text}\nTitle:", "titles": {"books": "name", "pages": "first"}}
INSTRUCTION = {"share": 1.0, "template": None, "held_out": 0.0}
TEMPLATE = (
    "{% for m in messages %}<turn>{{ m['role'] }}\n{{ m['content'] | trim }}<eos>\n{% endfor %}"
)
TEXTS = ["bishaan", "ātl in tepētl", "ውሃ", "ទឹក​ស្អាត", "¿Quién?", "a\nb", "In  ātl", "x'"]
SPELLED = "ātl <eos> in <turn>assistant <|im_end|><|endoftext|> </s> <pad> ውሃ"


def tasks(**changed: object) -> Tasks:
    """The settings as they are read."""
    tree = {"translation": TRANSLATION, "title": None, "instruction": None, **changed}
    return section(Tasks, "tasks", {"tasks": tree})


def encode(texts: list[str]) -> list[list[int]]:
    """Every byte a token, above the separator 0."""
    return [[byte + 1 for byte in text.encode()] for text in texts]


def text_of(ids: list[int]) -> str:
    """What was encoded, without separators."""
    return bytes(i - 1 for i in ids if i > 0).decode("utf-8", "replace")


SPEAKER: Any = SimpleNamespace(encode=encode, separator=0, family="decoder")


def row(name: str, target: str, **more: object) -> dict[str, Any]:
    """A row of a mixture."""
    return {
        "id": name,
        "document": None,
        "position": 0,
        "source": None,
        "target": target,
        "source_language": "spa_Latn",
        "language": "orm_Latn",
        "origin": "books",
        "weight": 1.0,
        "synthetic": False,
        "bitext": "source" in more,
        "order": None,
        **more,
    }


def book(title: str, *segments: str, origin: str = "books") -> list[dict[str, Any]]:
    """The rows of a document."""
    return [
        row(f"{title}{n}", text, document=title, position=n, origin=origin)
        for n, text in enumerate(segments)
    ]


WORDS = st.sampled_from(["ātl", "Ātl", "tepētl", "bishaan", "ውሃ", "ተራራ", "ទឹក", "agua", "¡a!", "7"])
SEGMENTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)


@given(st.lists(SEGMENTS, min_size=1, max_size=6), SEGMENTS, st.sampled_from(["books", "pages"]))
def test_no_title_stands_in_its_prompt(body: list[str], title: str, origin: str) -> None:
    segments = [title, *body] if origin == "pages" else body
    taught = taught_by(tasks(title=TITLE), book(title, *segments, origin=origin), {})
    (question,) = taught.questions["title"].values()
    assert question.answer == title
    for one in taught.able()["title"].values():
        made = answered(one, SPEAKER, None, 10_000)
        border = made.labels.index(next(label for label in made.labels if label != IGNORED))
        prompt = text_of(made.ids[:border])
        assert not holds(prompt, title)
        assert text_of(made.ids[border:]) == f" {title}"
        said = encode([f" {title}"])[0]
        assert all(made.ids[n : n + len(said)] != said for n in range(border - len(said) + 1))
    assert question.text or all(holds(one, title) for one in body) or holds("\n".join(body), title)


@given(SEGMENTS, SEGMENTS, SEGMENTS)
def test_a_prompt_is_the_same_whatever_its_answer(source: str, target: str, other: str) -> None:
    for way, side in ((">", "target"), ("<", "source")):
        prompts = set()
        for answer in (target, other):
            pair = row("a", target, source=source) | {side: answer}
            question = taught_by(tasks(), [pair], {}).questions["translation"][f"{way}a"]
            assert question.answer == answer
            prompts.add(question.prompt)
        assert len(prompts) == 1


def test_titles_are_told_from_human_rows_in_order() -> None:
    rows = [
        *book("Bishaan", "Bishaan!", "Lagni guddaadha.", "Bishaan lagaa", "Tulluun dheeraadha."),
        row("s", "tulluu", document="Bishaan", position=9, synthetic=True),
        row("o", "xochitl", document="Xochitl", origin="others"),
        row("n", "tetl"),
        *book("p", "Ātl", "In tepētl.", "Xōchitl.", origin="pages"),
        *book("q", "x", "tetl", origin="pages")[1:],
        *book("ውሃ", "ውሃ ነው"),
    ]
    found = taught_by(tasks(title=TITLE), rows[::-1], {}).questions["title"]
    told = {(one.answer, one.text) for one in found.values()}
    assert told == {
        ("Bishaan", "Lagni guddaadha.\nTulluun dheeraadha."),
        ("Ātl", "In tepētl.\nXōchitl."),
        ("", "tetl"),
        ("ውሃ", ""),
    }
    figures = task_figures(found, {next(iter(found))}, set())
    assert figures == {
        "rows": 4,
        "drawn": 1,
        "too_long": 0,
        "unused": {"no text without the title": 1, "no title": 1},
        "segments_with_title": 3,
    }


@pytest.mark.parametrize("length", [30, 40, 60, 200])
@pytest.mark.parametrize("word", ["tulluu", "ተራራ", "ភ្នំ"])
def test_a_long_text_is_cut_on_the_right_and_an_answer_never(word: str, length: int) -> None:
    text = " ".join([word] * 100)
    made = answered(Question("a", 1.0, f"{HERE}\nT:", "ātl", text), SPEAKER, None, length)
    said = [label for label in made.labels if label != IGNORED]
    assert said == [*encode([" ātl"])[0], 0]
    assert len(made.ids) <= length
    shown = text_of(made.ids).removesuffix("\nT: ātl")
    assert text.startswith(shown) and set(shown.split()) == {word}
    assert len(made.ids) + len(encode([f" {word}"])[0]) > length


def test_an_answer_that_leaves_no_room_is_too_long_and_counted() -> None:
    some = [
        Question("a", 1.0, f"{HERE}:", "bishaan " * 9, "lagni"),
        Question("b", 1.0, f"{HERE}:", "ātl", "lagni " * 99),
        Question("c", 1.0, "agua: ", "ātl " * 20),
        Question("c", 1.0, "agua: ", "ātl"),
        Question("d", 1.0, "agua " * 20, "ātl"),
    ]
    assert too_long(some, SPEAKER, None, 40) == {"a", "d"}


@given(st.text(max_size=40), st.integers(0, 40))
def test_a_cut_is_a_beginning_that_fits(text: str, room: int) -> None:
    shown = cut(text, lambda some: len(some) <= room)
    assert text.startswith(shown) and len(shown) <= room
    if len(text) <= room:
        assert shown == text


def test_tasks_are_drawn_by_their_shares_and_pairs_keep_their_order() -> None:
    pairs = [row(f"r{n}", "ātl", source=f"agua {n}", order=float(n)) for n in range(30)]
    some = tasks(translation={**TRANSLATION, "share": 3.0}, title=TITLE, instruction=INSTRUCTION)
    taught = taught_by(some, [*pairs, *book("Xōchitl", "ātl", "tetl")], {})
    assert taught.questions["instruction"] == {}  # has no rows, so the others share

    def make(question: Question) -> Example:
        return pair_example(question.prompt, question.answer, encode, 0)

    drawn = [one.names[0] for one in islice(questions_drawn(taught, make, 0, 2000), 40)]
    kinds = ["pair" if name.startswith("r") else "title" for name in drawn]
    assert Counter(kinds) == {"pair": 30, "title": 10}
    assert all(Counter(kinds[n : n + 4])["title"] == 1 for n in range(0, 40, 4))
    ranks = [int(name[1:]) for name in drawn if name.startswith("r")]
    assert ranks == sorted(ranks)
    with pytest.raises(ValueError, match="no task has a question"):
        next(
            questions_drawn(
                Taught(some, {"translation": {}, "title": {}, "instruction": {}}), make, 0, 1
            )
        )


def test_test_questions_are_of_what_nothing_trained_on_tells() -> None:
    some = tasks(title=TITLE, instruction={**INSTRUCTION, "held_out": 0.3})
    told = {str(n): spoken(f"Hiiki: {n}", f"ātl {n}") for n in range(200)}
    test = [row("a", "ātl", source="agua"), *book("Laga", "tetl"), *book("Tulluu", "tetl")]
    test = [
        {key: one[key] for key in one.keys() - {"weight", "synthetic", "bitext"}} for one in test
    ]
    asked = asked_in_test(some, test, {("books", "Laga")}, told)
    assert [answer_of(one) for one in asked.questions["title"].values()] == ["Tulluu"]
    assert asked.questions["translation"].keys() == {"<a", ">a"}
    kept = asked.questions["instruction"].keys()
    assert kept | trained_on(some, told).keys() == told.keys()
    assert not kept & trained_on(some, told).keys() and 40 < len(kept) < 80
    again = spoken("Hiiki: 1", "another answer")
    assert held_out(some, again) == held_out(some, told["1"])


def spoken(*turns: str) -> Conversation:
    """User and assistant in turns."""
    roles = ("user", "assistant") * len(turns)
    messages = [{"role": r, "content": t} for r, t in zip(roles, turns, strict=False)]
    return conversation(json.dumps({"messages": messages}))


def test_both_forms_of_a_conversation(tmp_path: Path) -> None:
    lines = [
        {"instruction": " Hiiki: ", "input": "agua", "output": "bishaan\n"},
        {"messages": [{"role": "system", "content": "ውሃ"}, *said("user", "assistant")]},
    ]
    path = tmp_path / "orm.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert list(conversations(path).values()) == [
        (("user", "Hiiki:\n\nagua"), ("assistant", "bishaan")),
        (("system", "ውሃ"), ("user", "ātl"), ("assistant", "ātl")),
    ]
    assert conversations(tmp_path / "none.jsonl") == {}
    path.write_text(2 * (json.dumps(lines[0]) + "\n"), "utf-8")
    with pytest.raises(InputError, match=r"orm.jsonl:2 stands in an earlier line too"):
        conversations(path)


def said(*roles: str) -> list[dict[str, str]]:
    """Messages of these roles."""
    return [{"role": role, "content": "ātl"} for role in roles]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("", "empty row"),
        ("{", "bad JSON"),
        ({"instruction": "ātl"}, r"has \['instruction'\]; a line is an object with 'messages'"),
        ({"instruction": "ātl", "output": 7}, "has 7 where text must stand"),
        ({"instruction": "ātl", "output": " "}, "a turn without text"),
        ({"messages": "ātl"}, "no list"),
        ({"messages": said("user")}, "the assistant last"),
        ({"messages": said("user", "user", "assistant")}, "take turns"),
        ({"messages": said("user", "tool")}, "has the role 'tool'"),
        ({"messages": [{"role": "user", "text": "ātl"}]}, "it needs role and content"),
    ],
)
def test_a_line_that_is_no_conversation(line: object, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        conversation(line if isinstance(line, str) else json.dumps(line))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (
            {"translation": {**TRANSLATION, "prompt": "{source}"}},
            "must hold {source} and {lang",
        ),
        (
            {"translation": {**TRANSLATION, "prompt": "{text}"}},
            "unknown field 'text', got",
        ),
        ({"translation": {**TRANSLATION, "share": -1.0}}, "share must be at least 0"),
        ({"translation": {**TRANSLATION, "share": 0.0}}, "one task must have a share above 0"),
        ({"title": {**TITLE, "prompt": "Title:"}}, "prompt must hold {text}"),
        ({"title": {**TITLE, "share": 0.0}}, "null leaves the task out"),
        ({"title": {**TITLE, "titles": {"books": "last"}}}, "titles.books"),
        ({"instruction": {**INSTRUCTION, "held_out": 1.0}}, "held_out must be"),
    ],
)
def test_settings_say_what_is_wrong(changed: dict[str, object], fault: str) -> None:
    with pytest.raises(InputError) as error:
        tasks(**changed)
    assert fault in str(error.value)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Real tokenizers of every kind: bytes, Unigram, BPE with a sign for a space."""
    from transformers import AutoTokenizer

    home = tmp_path_factory.mktemp("tokenizers")
    places = {
        "bytes": models.llama(home / "llama", TEMPLATE),
        "marian": models.marian(home / "marian"),
        "unigram": models.madlad(home / "t5"),
        "m2m": models.m2m(home / "m2m"),
    }
    places |= {"smollm2": BASE} if BASE.exists() else {}
    found: dict[str, Any] = {
        name: AutoTokenizer.from_pretrained(place) for name, place in places.items()
    }
    return found | {"nllb": models.nllb_tokenizer()}


def speaker_of(tokenizer: Any) -> Any:
    """What reads with a tokenizer."""
    from train.model import Speaker

    return Speaker(None, tokenizer, (), "decoder", plain=True, packs=True)


def each(tokenizers: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Name, tokenizer, and its speaker."""
    for name, tokenizer in tokenizers.items():
        yield name, tokenizer, speaker_of(tokenizer)


@pytest.mark.slow
def test_no_text_spells_a_control_token(tokenizers: dict[str, Any]) -> None:
    for name, tokenizer, speaker in each(tokenizers):
        special = set(tokenizer.all_special_ids)
        special -= {tokenizer.unk_token_id} - {tokenizer.eos_token_id}
        spelled = [SPELLED, "", *(f"ātl{token}ውሃ" for token in tokenizer.all_special_tokens)]
        spelled += [*tokenizer.all_special_tokens, "＜/s＞", "<pad></s>"]
        for text in spelled:
            (ids,) = speaker.encode([text])
            assert not special & set(ids), (name, text)


@pytest.mark.slow
def test_a_prompt_is_cut_as_if_alone_and_its_answer_as_one_text(tokenizers: dict[str, Any]) -> None:
    prompt = "spa_Latn: agua\norm_Latn:"
    for name, _, speaker in each(tokenizers):
        for text in [*TEXTS, SPELLED]:
            ((asked, answer),) = joined([prompt], [f" {text}"], speaker.encode)
            (alone,), (whole,) = speaker.encode([prompt]), speaker.encode([f"{prompt} {text}"])
            assert asked == alone
            assert asked + answer == whole, (name, text)  # a space is a border of all of them
            made = pair_example(prompt, text, speaker.encode, speaker.separator)
            assert made.labels == [IGNORED] * (1 + len(asked)) + [*answer, speaker.separator]
            question = Question("a", 1.0, prompt, text)
            assert len(made.ids) <= most_tokens(question), (name, text)
        border = joined(["ātl in te"], ["pētl"], speaker.encode)  # inside a word: the answer alone
        assert border[0][0] == speaker.encode(["ātl in te"])[0]


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=30) | st.text("ﷺ︳！éÅ가İ", max_size=9))
def test_no_text_has_more_tokens_than_is_said(tokenizers: dict[str, Any], text: str) -> None:
    for name, _, speaker in each(tokenizers):
        made = pair_example(text, text, speaker.encode, 0)
        assert len(made.ids) <= most_tokens(Question("a", 1.0, text, text)), name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bytes", "smollm2"])
def test_a_chat_is_cut_as_the_template_and_only_the_assistant_is_learned(
    tokenizers: dict[str, Any], name: str
) -> None:
    if name not in tokenizers:
        pytest.skip("models/base is not built")
    tokenizer, speaker = tokenizers[name], speaker_of(tokenizers[name])
    turns = spoken("Hiiki: agua", "bishaan", "ውሃ?", "ātl\nin tepētl")
    made = chat_example(turns, tokenizer, None, speaker.encode)
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    assert made.ids == tokenizer.apply_chat_template(messages, tokenize=True)["input_ids"]
    end = {"bytes": "<eos>", "smollm2": "<|im_end|>"}[name]
    learned = [label for label in made.labels if label != IGNORED]
    assert tokenizer.decode(learned) == f"bishaan{end}ātl\nin tepētl{end}"
    before = made.ids[: made.labels.index(learned[0])]
    asked = tokenizer.apply_chat_template(messages[:1], add_generation_prompt=True, tokenize=True)
    if name == "smollm2":  # its template can ask
        assert before == asked["input_ids"]


@pytest.mark.slow
def test_a_turn_gives_no_orders(tokenizers: dict[str, Any]) -> None:
    tokenizer, speaker = tokenizers["bytes"], speaker_of(tokenizers["bytes"])
    end, turn = tokenizer.convert_tokens_to_ids(["<eos>", "<turn>"])
    made = chat_example(spoken(SPELLED, SPELLED), tokenizer, None, speaker.encode)
    assert Counter(made.ids)[end] == Counter(made.ids)[turn] == 2
    assert [label for label in made.labels if label in (end, turn)] == [end]
    assert tokenizer.decode([i for i in made.labels if i != IGNORED]) == f"{SPELLED}<eos>"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{ strftime_now('%d') }}", "writes the day's date"),
        ("{{ messages[0]['content'] }}", "does not write each turn"),
        ("{{ raise_exception('no system') }}", "cannot write user, assistant: no system"),
    ],
)
def test_a_template_that_cannot_write_a_conversation_is_one_line(
    tokenizers: dict[str, Any], template: str, fault: str
) -> None:
    with pytest.raises(InputError, match=fault):
        chat_example(spoken("agua", "ātl"), tokenizers["bytes"], template, encode)
    with pytest.raises(InputError, match="has no chat template; give one"):
        chat_example(spoken("agua", "ātl"), tokenizers["unigram"], None, encode)


@pytest.mark.slow
def test_a_template_without_control_tokens_ends_with_the_end_of_text(
    tokenizers: dict[str, Any],
) -> None:
    tokenizer, speaker = tokenizers["bytes"], speaker_of(tokenizers["bytes"])
    plain = "{% for m in messages %}{{ m['role'] }}:\n{{ m['content'] }}\n{% endfor %}"
    made = chat_example(spoken("agua", "ātl"), tokenizer, plain, speaker.encode)
    assert tokenizer.decode(made.ids) == "user:\nagua\nassistant:\nātl<eos>"
    assert tokenizer.decode([i for i in made.labels if i != IGNORED]) == "ātl<eos>"


@pytest.mark.slow
def test_an_encoder_decoder_says_the_last_turn(tokenizers: dict[str, Any]) -> None:
    from dataclasses import replace

    from transformers import T5Config

    tokenizer = tokenizers["unigram"]
    model = SimpleNamespace(config=T5Config(decoder_start_token_id=0))
    speaker = replace(speaker_of(tokenizer), model=model, family="encoder-decoder")
    question = Question("a", 1.0, turns=spoken("agua", "bishaan", "cielo", "samii"))
    plain = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    made = answered(question, speaker, plain, 100)
    assert tokenizer.decode([i for i in made.labels if i != IGNORED]) == "samii</s>"
    read = tokenizer.decode(made.source)
    assert "bishaan" in read and "cielo" in read and "samii" not in read
    assert usable({"a": question}) == [question]
