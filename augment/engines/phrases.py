"""Training of the phrase-based model: alignment both ways, phrases, n-grams, and their weights.

The library's trainer keeps a tenth of the pairs from the phrases, to fit the n-grams' smoothing,
then feeds it in pair by pair, which takes a third of the time. Here the smoothing is fitted on that
tenth and everything is then counted once, over all pairs; and phrases have five words at most, not
ten: as good, in two thirds of the time to train and to translate (docs/log.md).

Sources: Koehn et al. 2003, https://aclanthology.org/N03-1017;
Vogel et al. 1996 (HMM alignment), https://aclanthology.org/C96-2141.
"""

import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from augment.engines.segmentation import Kind
from augment.engines.tuning import tuned

if TYPE_CHECKING:
    from machine.corpora import ParallelTextCorpus
    from machine.translation.thot import ThotSmtParameters
    from thot.translation import SmtDecoder

Pieces = Sequence[str]
Alignment = Literal["hmm", "ibm1"]  # FastAlign's files differ from run to run
MOST_WORDS = 5  # of a phrase
MOST_TOKENS = 200  # on a side of a pair: Thot takes no more
GRAM = 3  # words of an n-gram
CONSTANTS = {  # files of the phrase model that the library writes so, whatever the corpus
    ".lambda": "0.7 0.7",
    ".srcsegmlentable": "Uniform",
    ".trgcutstable": "0.999",
    ".trgsegmlentable": "Geometric",
}


class Training(NamedTuple):
    """How a model is trained."""

    alignment: Alignment = "hmm"
    iterations: int = 5  # of expectation-maximisation, of each alignment model
    source: Kind = "words"
    target: Kind = "words"
    most_pieces: int = 4000  # of a side's vocabulary, where sentencepiece cuts it
    tuning_rounds: int = 0  # of the weights; 0: the library's own stay


def learnable(pieces: Pieces) -> bool:
    """Whether Thot can learn from a side of so many pieces."""
    return 0 < len(pieces) <= MOST_TOKENS


class Fitted(NamedTuple):
    """What a model's folder says of itself."""

    how: Training
    weights: Sequence[float]  # of the model's parts; empty: the library's


def save(fitted: Fitted, folder: Path) -> None:
    """Write what `load` must know."""
    said = {**fitted.how._asdict(), "weights": list(fitted.weights)}
    (folder / "fitted.json").write_text(json.dumps(said) + "\n", "utf-8")


def saved(folder: Path) -> Fitted:
    """What `save` wrote."""
    said = json.loads((folder / "fitted.json").read_text("utf-8"))
    weights = said.pop("weights")
    return Fitted(Training(**said), weights)


def files(folder: Path) -> tuple[Path, Path]:
    """Where the phrases and the n-grams of a model lie: what their files' names begin with."""
    return folder / "phrases", folder / "grams"


def parameters_of(model: tuple[Path, Path], weights: Sequence[float] = ()) -> "ThotSmtParameters":
    """The library's defaults for all but the phrases' length and weights that are given."""
    from machine.translation.thot import ThotSmtParameters

    return ThotSmtParameters(
        translation_model_filename_prefix=str(model[0]),
        language_model_filename_prefix=str(model[1]),
        model_a=MOST_WORDS,
        model_weights=list(weights),
    )


def decoder(
    alignment: Alignment, model: tuple[Path, Path], weights: Sequence[float]
) -> "SmtDecoder":
    """What translates with the model; no weights: the library's own."""
    from machine.translation.thot import ThotWordAlignmentModelType
    from machine.translation.thot.thot_utils import load_smt_decoder, load_smt_model

    kind = ThotWordAlignmentModelType[alignment.upper()]
    parameters = parameters_of(model, weights)
    return load_smt_decoder(load_smt_model(kind, parameters), parameters)


def fit(pairs: Sequence[tuple[Pieces, Pieces]], folder: Path, how: Training) -> Sequence[float]:
    """Align, extract phrases and count n-grams; files lie in `folder`, weights come back."""
    with tempfile.TemporaryDirectory() as scratch:
        sides = Path(scratch, "source"), Path(scratch, "target")
        for side, texts in zip(sides, zip(*pairs, strict=True), strict=True):
            side.write_text("".join(f"{' '.join(text)}\n" for text in texts), "utf-8")
        return fit_files(sides, folder, how)


def fit_files(sides: tuple[Path, Path], folder: Path, how: Training) -> Sequence[float]:
    """Do so from files of a text a line, its tokens parted by spaces."""
    from machine.corpora import TextFileTextCorpus
    from machine.tokenization import WHITESPACE_TOKENIZER
    from machine.translation.thot import ThotSmtModelTrainer, ThotWordAlignmentModelType
    from machine.translation.thot.thot_train_progress_reporter import ThotTrainProgressReporter

    class Trainer(ThotSmtModelTrainer):
        weights: Sequence[float] = ()

        def train(self, *_: object) -> None:
            """Fit the smoothing of the n-grams on a tenth, and count all else over all."""
            corpus = self._corpus.tokenize(WHITESPACE_TOKENIZER)
            grams = self._train_lm_dir / self._lm_file_prefix
            for path in (self._train_lm_dir, self._train_tm_dir):
                path.mkdir()
            rest, tenth, *counts = corpus.split(percent=0.1, size=1000, seed=self.seed)
            self._train_language_model(grams, GRAM, rest)
            with tenth.get_rows() as rows:
                self._tune_language_model(grams, [row.target_segment for row in rows], GRAM)
            smoothing = (self._train_lm_dir / f"{grams.name}.weights").read_bytes()
            if how.tuning_rounds:
                self.tune(grams, rest, tenth, counts[0])
            self._train_language_model(grams, GRAM, corpus)
            (self._train_lm_dir / f"{grams.name}.weights").write_bytes(smoothing)
            reporter = ThotTrainProgressReporter(None, None)
            phrases = self._train_tm_dir / self._tm_file_prefix
            self._train_translation_model(phrases, corpus, sum(counts), reporter)

        def tune(
            self, grams: Path, rest: "ParallelTextCorpus", tenth: "ParallelTextCorpus", count: int
        ) -> None:
            """Find weights on the tenth, for a model of the rest."""
            self._tune_tm_dir.mkdir()
            phrases = self._tune_tm_dir / self._tm_file_prefix
            reporter = ThotTrainProgressReporter(None, None)
            self._train_translation_model(phrases, rest, count, reporter)
            with tenth.get_rows() as rows:
                pairs = [(row.source_segment, row.target_segment) for row in rows]
            models = phrases, grams
            self.weights = tuned(partial(decoder, how.alignment, models), pairs, how.tuning_rounds)

        def _write_word_prediction_file(self, *_: object) -> None:
            """Leave out what only interactive translation reads."""

        def _train_translation_model(
            self,
            tm_prefix: Path,
            train_corpus: "ParallelTextCorpus",
            train_count: int,
            reporter: ThotTrainProgressReporter,
        ) -> None:
            """Do as the library does, with shorter phrases: it has no setting for them."""
            names = [f"{tm_prefix}_invswm", f"{tm_prefix}_swm"]
            for name, corpus in zip(names, (train_corpus, train_corpus.invert()), strict=True):
                self._generate_word_alignment_model(Path(name), corpus, train_count, reporter)
            extract(names, tm_prefix)

    corpus = TextFileTextCorpus(sides[0]).align_rows(TextFileTextCorpus(sides[1]))
    kind = ThotWordAlignmentModelType[how.alignment.upper()]
    parameters = parameters_of(files(folder))
    parameters.learning_em_iters = how.iterations
    trainer = Trainer(kind, corpus, parameters)
    with trainer:
        trainer.train()
        trainer.save()
        trainer.close()
        return trainer.weights


def extract(aligned: Sequence[str], phrases: Path) -> None:
    """Count the phrases that both directions' alignments allow, and write the model's files.

    Raises:
        RuntimeError: the library could not read or write one of them.
    """
    from thot.translation import AlignmentExtractor, PhraseExtractParameters, PhraseModel

    inverse, direct = (f"{name}.bestal" for name in aligned)
    both = f"{phrases}.A3.final"
    extractor, model, limits = AlignmentExtractor(), PhraseModel(), PhraseExtractParameters()
    limits.max_target_phrase_length = MOST_WORDS
    extractor.open(direct)
    extractor.symmetrize1(inverse, both, transpose=True)
    extractor.close()
    model.build(both, limits, pseudo_ml=False)
    model.print_phrase_table(f"{phrases}.ttable", n=20)
    model.clear()
    for ending, text in CONSTANTS.items():
        Path(f"{phrases}{ending}").write_text(text, "utf-8")
