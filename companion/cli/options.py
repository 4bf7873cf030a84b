"""The options of commands, checked as they are read and named in messages as the reader typed them.

A command is a row of the table in `companion.cli.table`. `parse` has `argparse` read it, remembers which options were
given, and refuses those that don't go together, before any work begins.
"""

import argparse
import difflib
import math
import os
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from companion.cli.program import program
from companion.errors import UserError, shown

LARGEST = 2**31 - 1  # above any size that makes sense; seeds may be larger


@dataclass(frozen=True)
class Number:
    """The numbers that an option takes.

    Attributes
    ----------
    expected
        A description, to follow "it should be".
    kind
        ``int`` or ``float``.
    least, most
        Bounds that are allowed themselves.
    above, below
        Bounds that aren't allowed themselves.
    """

    expected: str
    kind: type = int
    least: float = -math.inf
    most: float = LARGEST
    above: float = -math.inf
    below: float = math.inf

    def __call__(self, text: str) -> int | float | None:
        """The number that a text stands for, or None if it isn't one of those allowed."""
        try:
            number = self.kind(text)
        except ValueError:
            return None
        fits = self.least <= number <= self.most and self.above < number < self.below
        return number if fits else None  # nan doesn't fit either


WHOLE = Number("a whole number of at least 1", least=1)
WHOLE_OR_ZERO = Number("a whole number of at least 0", least=0)
SEED = Number("a whole number from 0 to 4,294,967,295", least=0, most=2**32 - 1)


@dataclass(frozen=True)
class Option:
    """One option of a command, or one of its arguments without a dash.

    Attributes
    ----------
    flag
        ``"--units"``; or the name of an argument without a dash.
    help
        What it is, in a few words; None hides the option.
    metavar
        The name of its value in the help; a switch has none.
    default
        Its value when it isn't given.
    number
        The numbers that it takes; None for text.
    choices
        The only values it takes.
    required
        Whether it must be given.
    nargs
        As for `argparse`: how many values.
    only_with
        The flag of another option, and the value which that must have.
    needs
        Flags of which at least one must be given too; a name in capitals is an environment variable.
    excludes
        Flags that must not be given too.
    because
        The reason for ``needs`` or ``excludes``, for the message.
    group
        The title of its group in the help.
    """

    flag: str
    help: str | None
    metavar: str | None = None
    default: Any = None
    number: Number | None = None
    choices: tuple[str, ...] | None = None
    required: bool = False
    nargs: str | None = None
    only_with: tuple[str, str] | None = None
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    because: str = ""
    group: str | None = None

    @property
    def name(self) -> str:
        """Its name in the parsed options."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def is_switch(self) -> bool:
        """Whether it has no value and is only given or not."""
        return self.default is False


@dataclass(frozen=True)
class Command:
    """One command: what it does, what it takes, and examples without the program's name."""

    name: str
    run: Callable[[argparse.Namespace], None]
    about: str
    options: tuple[Option, ...]
    examples: tuple[str, ...]
    groups: tuple[tuple[str, str], ...] = ()


class _Parser(argparse.ArgumentParser):
    """A parser that raises a `UserError` of one sentence."""

    def error(self, message: str) -> Any:
        if message.endswith("expected one argument"):
            message += "; if its value begins with a dash, put = between the two, without spaces"
        raise UserError(f"{message.removeprefix('argument ')}. See {self.prog} --help.")


class _Checked(argparse.Action):
    """An action that stores a number, or raises a `UserError` that says what it should be."""

    def __init__(self, *arguments: Any, number: Number, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._number = number

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, flag: str | None = None) -> None:
        value = self._number(values)
        if value is None:
            too_large = replace(self._number, most=math.inf)(values) is not None
            bound = f", and at most {LARGEST:,}" if too_large and self._number.most == LARGEST else ""
            raise UserError(f"{self.option_strings[0]} is {values[:40]}; it should be {self._number.expected}{bound}.")
        setattr(namespace, self.dest, value)


def parse(commands: Sequence[Command], arguments: Sequence[str], about: str, more: str, version: str) -> Any:
    """The options that a reader gave, with the defaults of the others.

    Parameters
    ----------
    commands
        All commands.
    arguments
        The arguments after the program's name.
    about, more, version
        The beginning of the program's help, its end after the examples, and what ``--version`` prints.

    Returns
    -------
    argparse.Namespace
        Every option by its name, and ``chosen``, the `Command`.

    Raises
    ------
    UserError
        There is no such command or option, a value can't be used, or options don't go together.
    SystemExit
        The help or version was asked for, and has been printed.
    """
    by_name = {command.name: command for command in commands}
    chosen = by_name.get(arguments[0]) if arguments else None
    if not arguments:
        raise UserError(f"Give a command: {', '.join(by_name)}. See {program()} --help.")
    if chosen and (strange := _strange(chosen, arguments)):
        raise UserError(_no_option(chosen, strange))
    parser = _parser(commands, about, more, version)
    options, rest = parser.parse_known_args(_joined(chosen, arguments))
    chosen = by_name[options.name_of_command]
    if rest:
        raise UserError(
            f"{chosen.name} doesn't know what to do with {shown(' '.join(rest))}: put a text of several words in "
            f"quotes. See {program()} {chosen.name} --help."
        )
    given = {option.flag for option in chosen.options if option.name in options}
    for option in chosen.options:
        if option.name not in options:
            setattr(options, option.name, option.default)
        elif getattr(options, option.name) == [] and not option.nargs:
            setattr(options, option.name, "--")  # argparse removes it even from --prompt=--
    if not getattr(options, "report", None):  # a worker's options were checked by the process that started it
        _check_together(chosen, options, given)
    options.chosen, options.given = chosen, given
    return options


def in_flags(sentence: str, command: Command) -> str:
    """A function's message, with the names of arguments replaced by the command's options.

    >>> in_flags("Lower learning_rate.", Command("c", print, "", (Option("--learning-rate", ""),), ()))
    'Lower --learning-rate.'
    """
    flags = {option.name: option.flag for option in command.options if "_" in option.name}
    return re.sub(r"\b[a-z]+(_[a-z]+)+\b", lambda found: flags.get(found[0], found[0]), sentence)


def _parser(commands: Sequence[Command], about: str, more: str, version: str) -> argparse.ArgumentParser:
    prog = program()
    raw = argparse.RawDescriptionHelpFormatter
    examples = [f"  {prog} {command.examples[0]}" for command in commands]
    epilog = "\n".join(["examples:", *examples, "", more])
    parser = _Parser(prog=prog, description=about, epilog=epilog, formatter_class=raw)
    parser.add_argument("--version", action="version", version=version)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", dest="name_of_command")
    for command in commands:
        title = "examples" if len(command.examples) > 1 else "example"
        lines = [f"{title}:", *(f"  {prog} {example}" for example in command.examples)]
        sub = subparsers.add_parser(
            command.name,
            help=command.about,
            description=command.about,
            epilog="\n".join(lines),
            formatter_class=raw,
            argument_default=argparse.SUPPRESS,
        )
        groups = {title: sub.add_argument_group(title, textwrap.fill(text)) for title, text in command.groups}
        for option in command.options:
            _add(groups[option.group] if option.group else sub, option)
    return parser


def _add(parser: Any, option: Option) -> None:
    said = argparse.SUPPRESS if option.help is None else option.help
    if option.default is not None and not option.is_switch and option.flag.startswith("--"):
        usual = f"{option.default:g}" if isinstance(option.default, float) else option.default
        said += f" (default: {usual})"
    settings: dict[str, Any] = {"help": said}
    if option.is_switch:
        settings["action"] = "store_true"
    else:
        settings |= {"metavar": option.metavar, "choices": option.choices}
    if option.number:
        settings |= {"action": _Checked, "number": option.number}
    if option.nargs:
        settings["nargs"] = option.nargs
    if option.required:
        settings["required"] = True
    parser.add_argument(option.flag, **settings)


def _joined(command: Command | None, arguments: Sequence[str]) -> list[str]:
    """The arguments, with each value that begins with a dash but isn't an option joined to the option before it."""
    if not command:
        return list(arguments)
    flags = {option.flag for option in command.options} | {"--help", "-h", "--"}
    with_value = {o.flag for o in command.options if o.flag.startswith("--") and not o.is_switch}
    joined: list[str] = []
    for argument in arguments:
        is_value = argument.startswith("-") and argument.partition("=")[0] not in flags
        if joined and joined[-1] in with_value and "--" not in joined and is_value:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _strange(command: Command, arguments: Sequence[str]) -> str | None:
    """The first argument that looks like an option but isn't one; None if there is none."""
    flags = [option.flag for option in command.options if option.flag.startswith("--")] + ["--help"]
    for argument in _joined(command, arguments):
        flag = argument.partition("=")[0]
        if flag == "--":
            return None
        if " " in flag:  # argparse also takes this for a text
            continue
        if re.match(r"--|-[^\d.]", flag) and flag != "-h" and not any(known.startswith(flag) for known in flags):
            return flag
    return None


def _no_option(command: Command, flag: str) -> str:
    close = difflib.get_close_matches(flag, [option.flag for option in command.options if option.help], n=1)
    hint = f"did you mean {close[0]}?" if close else "put -- before a text that begins with a dash."
    return f"{command.name} has no option {flag[:40]}; {hint} See {program()} {command.name} --help."


def _check_together(command: Command, options: argparse.Namespace, given: set[str]) -> None:
    by_flag = {option.flag: option for option in command.options}
    here = [option for option in command.options if option.flag in given]
    for option in here:
        if other := next((flag for flag in option.excludes if flag in given), None):
            raise UserError(f"{option.flag} and {other} don't go together: {option.because}. Leave one of the two out.")
    for option in here:
        if option.only_with:
            other, value = option.only_with
            there = getattr(options, by_flag[other].name)
            if there != value:
                raise UserError(
                    f"{option.flag} only goes with {other} {value}, but this is {other} {there}; "
                    f"leave {option.flag} out."
                )
        if option.needs and not any(need in given or os.environ.get(need) for need in option.needs):
            because = f": {option.because}" if option.because else ""
            raise UserError(f"{option.flag} goes together with {' or '.join(option.needs)}{because}.")
