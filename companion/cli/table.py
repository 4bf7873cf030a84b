"""The table of commands: what each takes, and examples. The help is made from it, and tests run its examples."""

from companion.cli import commands, train, translate
from companion.cli.options import SEED, WHOLE, WHOLE_OR_ZERO, Command, Number, Option
from companion.corpora import dates

ABOUT = "Train a language model on your own text, and use it."
MORE = """environment:
  GATE_BY_GATE_DEVICE    cpu, gpu, or one GPU by number, such as gpu:1 (by default what TensorFlow finds)
  GATE_BY_GATE_PRODUCTS  float32 or bfloat16: how training multiplies (by default the faster one of this processor)
  GATE_BY_GATE_CACHE     the folder where corpora and trained recipes are kept
  GATE_BY_GATE_PROGRESS  off: no progress bar
  GATE_BY_GATE_DEBUG     1: show where in the code an unexpected error happened

exit codes: 0 success, 1 an unexpected error, 2 something given can't be used, 3 one of several workers was lost
(run the same command again), 130 interrupted, 143 ended by SIGTERM"""

SHARE = Number("a number of at least 0 and below 1", float, least=0, below=1)
SECONDS = Number("a number of seconds above 0 and at most 86,400 (a day)", float, above=0, most=86_400)
RATE = Number("a number above 0 and at most 1, such as 0.003", float, above=0, most=1)
PROBABILITY = Number("a number above 0 and at most 1", float, above=0, most=1)
BEAMS = Number("a whole number from 1 to 1,000, such as 4", least=1, most=1000)
TEMPERATURE = Number("a number from 0.001 to 1,000, such as 0.8", float, least=0.001, most=1000)
TEMPERATURE_OR_GREEDY = Number(
    f"{TEMPERATURE.expected}; use --greedy for the most probable token every time", float, least=0.001, most=1000
)

SEVERAL = "several workers"
TRANSFORMER, RECURRENT = ("--model", "transformer"), ("--model", "recurrent")

MODEL = Option("model", "a model folder, or the name of a recipe", "MODEL")
TEXT = Option("text", "the text file, or - for the standard input", "TEXT")

TRAIN = Command(
    "train",
    train.train,
    "Train a language model on a text file (UTF-8) and write it as a folder. If it is stopped, the same command "
    "continues.",
    (
        TEXT,
        Option("--out", "where the model goes", "FOLDER", required=True),
        Option("--overwrite", "replace the model that is there", default=False),
        Option("--tokenizer", "what a token is", choices=("char", "word", "bpe"), default="char"),
        Option(
            "--vocab-size",
            f"the most tokens to have (default: char all, word {train.MOST_WORDS:,}, bpe {train.BPE_TOKENS:,})",
            "N",
            number=Number("a whole number of at least 2", least=2),
        ),
        Option("--model", "the kind of network", choices=("recurrent", "transformer"), default="recurrent"),
        Option("--units", "width of the network", "N", 256, WHOLE),
        Option("--layers", "recurrent layers (default: 1), or a Transformer's blocks (default: 4)", "N", None, WHOLE),
        Option("--heads", "attention heads of each Transformer block", "N", 4, WHOLE, only_with=TRANSFORMER),
        Option(
            "--context",
            "tokens that each Transformer block sees",
            "N",
            128,
            Number("a whole number of at least 2", least=2),
            only_with=TRANSFORMER,
        ),
        Option("--embedding-dim", "width of a recurrent network's embedding", "N", 64, WHOLE, only_with=RECURRENT),
        Option(
            "--cell", "cell of a recurrent network", choices=("lstm", "gru", "rnn"), default="lstm", only_with=RECURRENT
        ),
        Option("--dropout", "share of the values that training sets to 0", "P", 0.1, SHARE),
        Option("--epochs", "passes over the text (default: from 1 to 30, by its length)", "N", None, WHOLE),
        Option("--batch-size", "streams side by side (default: up to 64, by the text's length)", "N", None, WHOLE),
        Option("--window", "tokens between two updates", "N", 64, WHOLE),
        Option("--learning-rate", "size of the steps", "R", 0.003, RATE),
        Option("--seed", "the same seed makes the same model", "N", 0, SEED),
        Option("--quiet", "no progress bar", default=False),
        Option(
            "--workers",
            "start N workers here",
            "N",
            1,
            WHOLE,
            excludes=("--worker", "--hosts"),
            because="--workers starts all workers here, --worker and --hosts start one of them",
            group=SEVERAL,
        ),
        Option(
            "--worker",
            "be worker I, from 0; worker 0 writes the model",
            "I",
            None,
            WHOLE_OR_ZERO,
            needs=("--hosts",),
            because="which worker this is, and the addresses of all of them",
            group=SEVERAL,
        ),
        Option(
            "--hosts",
            "the workers' addresses, the same list for all",
            "A:PORT,B:PORT",
            needs=("--worker",),
            because="which worker this is, and the addresses of all of them",
            group=SEVERAL,
        ),
        Option(
            "--timeout",
            "seconds to wait for a silent worker",
            "S",
            60.0,
            SECONDS,
            needs=("--workers", "--hosts", "TF_CONFIG"),
            group=SEVERAL,
        ),
        Option("--report", None, group=SEVERAL),
        Option("--program", None),
    ),
    (
        "train my.txt --out mymodel",
        "train my.txt --out mymodel --epochs 10 --dropout 0.2",
        "train my.txt --out mymodel --model transformer --units 128 --layers 4",
        "train my.txt --out mymodel --workers 2",
    ),
    (
        (
            SEVERAL,
            "They share every batch and end with the weights that one worker would have. On one machine --workers "
            "starts all of them; on several, start each by hand with the same command, and --worker and --hosts (or "
            "TF_CONFIG).",
        ),
    ),
)

_DRAWING = ("--temperature", "--top-k", "--top-p", "--seed")
GENERATE = Command(
    "generate",
    commands.generate,
    "Let a model continue a prompt; the text is printed as it is written.",
    (
        MODEL,
        Option("--prompt", "what it continues (default: a new line, or the first token that it knows)", "TEXT"),
        Option("--max-tokens", "how much it writes", "N", 500, WHOLE_OR_ZERO),
        Option("--temperature", "below 1 is safer", "T", 1.0, TEMPERATURE_OR_GREEDY),
        Option("--top-k", "only the K most probable tokens", "K", None, WHOLE),
        Option("--top-p", "only the most probable tokens that make up P", "P", None, PROBABILITY),
        Option("--seed", "the same seed writes the same text", "N", None, SEED),
        Option(
            "--greedy",
            "always the most probable token",
            default=False,
            excludes=_DRAWING,
            because="--greedy takes the most probable token every time and draws nothing",
        ),
        Option(
            "--beam",
            "beam search of this width",
            "WIDTH",
            None,
            BEAMS,
            excludes=("--greedy", *_DRAWING),
            because="--beam looks for the most probable text and draws nothing",
        ),
    ),
    (
        'generate mymodel --prompt "Once" --temperature 0.8',
        'generate mymodel --prompt "Once" --max-tokens 500 --temperature 0.8 --top-p 0.95',
        'generate shakespeare-chars --prompt "**ROMEO**"',
    ),
)

EVALUATE = Command(
    "evaluate",
    commands.evaluate,
    "Score a model on a text file: bits per character, perplexity.",
    (MODEL, TEXT),
    ("evaluate mymodel other.txt",),
)

CORPORA = Command(
    "corpora",
    commands.corpora,
    "List the book's corpora, or obtain them and say what they are.",
    (
        Option("names", "which (default: all)", "NAME", default=(), nargs="*"),
        Option("--fetch", "obtain them and say what they are", default=False),
    ),
    ("corpora --fetch", "corpora --fetch shakespeare", "corpora"),
)

TRANSLATE = Command(
    "translate",
    translate.translate,
    "Translate a date or a number in English words into Chinese or ISO 8601; or a Chinese sentence into English.",
    (
        Option("text", "a date from 1900 to 2099 or a number up to 99,999 in English; or a sentence", "TEXT"),
        Option("--to", "Chinese or ISO 8601", choices=tuple(dates.TO), default="zh"),
        Option(
            "--sentences",
            "TEXT is a Chinese sentence, translated into English",
            default=False,
            excludes=("--to",),
            because="a sentence is always translated into English",
        ),
    ),
    (
        'translate "3 March 2021"',
        'translate "Wednesday, March 3, 2021" --to iso',
        'translate --sentences "他是我的老师。"',
    ),
)

SUMMARISE = Command(
    "summarise",
    commands.summarise,
    "Sum up an English text: with a line in the network's own words if it has at most 60 words and punctuation marks, "
    "with its most surprising sentences if it is longer.",
    (
        TEXT,
        Option("--sentences", "choose N of its sentences, even if it is short", "N", None, WHOLE),
    ),
    ("summarise article.txt --sentences 3",),
)

ANSWER = Command(
    "answer",
    commands.answer,
    "Answer questions about a story of people who go places, pick things up and put them down.",
    (Option("text", "story and question (default: the standard input)", "TEXT", default=(), nargs="*"),),
    ('answer "Ada took the ball. Ada went to the hall. Where is the ball?"',),
)

REPLY = Command(
    "reply",
    commands.reply,
    "Suggest replies to a short English message, and write one.",
    (
        Option("message", "the message, in quotation marks", "MESSAGE"),
        Option("--count", "how many suggestions", "N", 3, WHOLE),
        Option("--temperature", "below 1 is safer", "T", 1.0, TEMPERATURE),
        Option("--top-p", "only the most probable words that make up P", "P", 0.9, PROBABILITY),
        Option("--seed", "the same seed writes the same reply", "N", None, SEED),
    ),
    ('reply "Are you a robot?"',),
)

COMMANDS = (TRAIN, GENERATE, EVALUATE, CORPORA, TRANSLATE, SUMMARISE, ANSWER, REPLY)
