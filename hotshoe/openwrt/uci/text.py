"""UCI as text: what ``uci export`` prints, and the files under ``/etc/config``."""

from __future__ import annotations

from dataclasses import dataclass, field

from hotshoe.errors import shown
from hotshoe.openwrt.uci.data import Package, Section, UciError, Value, is_name, is_package, is_type

# isspace() in the C locale; Python's str.isspace() knows many more.
SPACE = " \t\n\v\f\r"
# file.c, uci_parse_line: the whole word or its first letter.
KEYWORDS = {
    short_or_long: keyword
    for keyword in ("package", "config", "option", "list")
    for short_or_long in (keyword[0], keyword)
}
# What ends or changes an unquoted word; libuci allows it in a type nevertheless.
SPECIAL = frozenset("'\"\\#;")


def parse(text: str, name: str | None = None) -> tuple[Package, ...]:
    """Read a configuration as libuci does, in its strict mode, which is the default of ``uci``.

    With a name, the text is a file under ``/etc/config``: all of it is that package, whatever a
    ``package`` line says (file.c, ``uci_parse_package``). Without one, ``package`` lines say which
    package comes.

    Rules that one may not expect, all from file.c and list.c:

    - ``p``, ``c``, ``o`` and ``l`` are the four keywords as well.
    - ``#`` begins a comment wherever it is outside of quotes, even inside a word.
    - Quoted and unquoted parts make one word, backslashes are special in all but single quotes, and
      a backslash before the end of a line joins two lines.
    - ``;`` separates statements, but right after an unquoted word it takes the rest of the line
      away: libuci writes the end of the word over it.
    - An ``option`` replaces what has its name before, a list too; without a value, or with an empty
      one, it does nothing. A ``list`` adds an item, empty or not, to what has its name before, an
      option too.
    - A named section that occurs twice is one section; with another type it is an error.

    Only the names that libuci makes up for anonymous sections, such as ``cfg017389``, are not known
    here; it takes a section that is named so for the anonymous one.

    :param text: the text, decoded in a way that keeps line ends as they are
    :param name: the package that the text is about, if no line of it says so
    :returns: the packages in order
    :raises UciError: if libuci would refuse the text; at the first such line
    :raises ValueError: if no package can have this name
    """
    if name is not None and not is_package(name):
        raise ValueError(f"{shown(name)} is no name of a UCI package")
    return _Parser(_Reader(text), name).packages()


def render(*packages: Package) -> str:
    """Write packages as ``uci export`` does (file.c, ``uci_export_package``).

    Only a type with quotes, a backslash, ``#`` or ``;`` is written otherwise: quoted, since libuci
    prints it in a way that it cannot read again.
    """
    return "".join(_rendered(package) for package in packages)


def quoted(text: str) -> str:
    """A word in single quotes, which libuci reads back as it is (file.c, ``uci_escape``)."""
    return "'" + text.replace("'", "'\\''") + "'"


def _rendered(package: Package) -> str:
    lines = [f"package {package.name}\n"]
    for section in package.sections:
        kind = quoted(section.type) if SPECIAL & set(section.type) else section.type
        lines.append(f"\nconfig {kind}{f' {quoted(section.name)}' if section.name else ''}\n")
        for name, value in section.options.items():
            if isinstance(value, str):
                lines.append(f"\toption {name} {quoted(value)}\n")
            else:
                lines += (f"\tlist {name} {quoted(item)}\n" for item in value)
    return "".join([*lines, "\n"])


class _ReadError(Exception):
    """What is wrong, before it is known in which package.

    :param line: the line, from 1
    :param reason: what is wrong with it
    """

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason


class _Reader:
    """The words of a text, line by line; a quote or a backslash may pull in the next line.

    It is always inside one line, whose end is where C finds the NUL that ends the buffer.

    :param text: what to read
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.end = 0
        self.line = 0

    @property
    def char(self) -> str:
        """The next character; nothing at the end of the line."""
        return self.text[self.at] if self.at < self.end else ""

    def next_line(self) -> bool:
        """Pull in the next line; False if there is none (file.c, ``uci_getln``)."""
        if self.end == len(self.text):
            return False
        self.end = self.text.find("\n", self.end) + 1 or len(self.text)
        self.line += 1
        return True

    def skip(self, characters: str) -> None:
        """Pass over any of these characters."""
        while self.char and self.char in characters:
            self.at += 1

    def drop_line(self) -> None:
        """Pass over the rest of the line."""
        self.at = self.end

    def keyword(self) -> str:
        """What begins a statement: up to a blank, without any quoting (``uci_parse_line``)."""
        self.skip(" \t")
        start = self.at
        while self.char and self.char not in " \t":
            self.at += 1
        return self.text[start : self.at]

    def word(self) -> str:
        """The next word of a statement; nothing at its end (``next_arg``, ``parse_str``)."""
        self.skip(SPACE)
        if self.char == ";":
            self.at += 1
            return ""
        parts: list[str] = []
        bare = True
        while self.char and self.char not in SPACE:
            match self.char:
                case "'":
                    bare = False
                    parts.append(self._single_quoted())
                case '"':
                    bare = False
                    parts.append(self._double_quoted())
                case "\\":
                    bare = False
                    parts.append(self._escaped())
                case "#":
                    self.drop_line()
                case ";":
                    if bare:
                        self.drop_line()
                    return "".join(parts)
                case char:
                    parts.append(char)
                    self.at += 1
        if self.char:
            self.at += 1  # libuci writes the end of the word over the blank
        return "".join(parts)

    def _single_quoted(self) -> str:
        opened, start = self.line, self.at + 1
        while (closing := self.text.find("'", start, self.end)) < 0:
            self._continue_quote("'", opened)
        self.at = closing + 1
        return self.text[start:closing]

    def _double_quoted(self) -> str:
        opened = self.line
        parts: list[str] = []
        self.at += 1
        while self.char != '"':
            if not self.char:
                self._continue_quote('"', opened)
            elif self.char == "\\":
                parts.append(self._escaped())
            else:
                parts.append(self.char)
                self.at += 1
        self.at += 1
        return "".join(parts)

    def _escaped(self) -> str:
        """The character after a backslash; nothing if that is the end of the line, which goes on.

        (``parse_backslash``)
        """
        self.at += 1
        if self.text[self.at : self.end] in ("", "\n", "\r\n"):
            self.drop_line()
            self.next_line()
            return ""
        self.at += 1
        return self.text[self.at - 1]

    def _continue_quote(self, mark: str, opened: int) -> None:
        if not self.next_line():
            raise _ReadError(opened, f"a quote begins with {mark} and never ends")


@dataclass
class _Draft:
    """A section while it is read.

    :param type: its type
    :param name: its name, None if it is anonymous
    :param options: what has been read of it
    """

    type: str
    name: str | None
    options: dict[str, Value] = field(default_factory=dict)


class _Parser:
    """Makes packages of statements.

    :param reader: where the words come from
    :param whole: the package that the whole text is, None if its package lines say
    """

    def __init__(self, reader: _Reader, whole: str | None) -> None:
        self.reader = reader
        self.whole = whole
        self.name = whole
        self.drafts: dict[str, list[_Draft]] = {}
        self.section: _Draft | None = None
        if whole is not None:
            self.drafts[whole] = []

    def packages(self) -> tuple[Package, ...]:
        """Everything that the text holds.

        :raises UciError: at the first mistake
        """
        try:
            before, nul, _ = self.reader.text.partition("\0")
            if nul:
                raise _ReadError(before.count("\n") + 1, "a NUL, where C takes text to end")
            while self.reader.next_line():
                self._line()
                self.reader.drop_line()
        except _ReadError as error:
            raise UciError(self.name, f"line {error.line}", error.reason) from None
        return tuple(
            Package(name, tuple(Section(one.type, one.name, one.options) for one in drafts))
            for name, drafts in self.drafts.items()
        )

    def _line(self) -> None:
        line = self.reader.line
        self.reader.skip(SPACE)
        while word := self.reader.keyword():
            if word.startswith("#"):
                return
            match KEYWORDS.get(word):
                case "package":
                    self._package(line)
                case "config":
                    self._config(line)
                case "option":
                    self._option(line)
                case "list":
                    self._list(line)
                case _:
                    raise _ReadError(
                        line,
                        f"{shown(word.strip())} begins no statement; package, config, option and "
                        "list do, each followed by a blank",
                    )

    def _package(self, line: int) -> None:
        name = self.reader.word()
        if not is_package(name):
            raise _ReadError(line, f"{shown(name)} is no name of a package")
        self._ends(line)
        if self.whole is not None:
            return
        if name in self.drafts:
            raise _ReadError(line, f"package {name} occurs twice")
        self.name = name
        self.drafts[name] = []
        self.section = None

    def _config(self, line: int) -> None:
        if self.name is None:
            raise _ReadError(line, "a section before the first package line")
        kind = self.reader.word()
        if not is_type(kind):
            raise _ReadError(line, f"{shown(kind)} is no type of a section")
        name = self.reader.word() or None
        if name is not None and not is_name(name):
            raise _ReadError(
                line, f"{shown(name)} is no name of a section: letters, digits and _ only"
            )
        self._ends(line)
        drafts = self.drafts[self.name]
        known = next((one for one in drafts if name and one.name == name), None)
        if known is None:
            known = _Draft(kind, name)
            drafts.append(known)
        elif known.type != kind:
            raise _ReadError(line, f"section {name} is a {known.type} before, and here a {kind}")
        self.section = known

    def _option(self, line: int) -> None:
        options, name, value = self._assignment(line)
        if value:
            options[name] = value

    def _list(self, line: int) -> None:
        options, name, value = self._assignment(line)
        before = options.get(name, ())
        options[name] = (*((before,) if isinstance(before, str) else before), value)

    def _assignment(self, line: int) -> tuple[dict[str, Value], str, str]:
        if self.section is None:
            raise _ReadError(line, "an option or list before the first section")
        name = self.reader.word()
        if not is_name(name):
            raise _ReadError(
                line, f"{shown(name)} is no name of an option: letters, digits and _ only"
            )
        value = self.reader.word()
        self._ends(line)
        return self.section.options, name, value

    def _ends(self, line: int) -> None:
        """The statement has no more words (``assert_eol``)."""
        if extra := self.reader.word():
            raise _ReadError(line, f"{shown(extra)} is one word too many")
