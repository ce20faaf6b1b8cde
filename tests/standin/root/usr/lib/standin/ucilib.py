"""UCI's configuration files and staged changes, with the semantics of the real thing."""

import fcntl
import os
import string

CONFDIR, CONF2DIR, SAVEDIR = "/etc/config", "/var/run/uci", "/tmp/.uci"
_NAME = set(string.ascii_letters + string.digits + "_")
# What a staged change is marked with in its file.
ADD, REMOVE, CHANGE, RENAME, REORDER, LIST_ADD, LIST_DEL = "+", "-", "", "@", "^", "|", "~"


class UciError(Exception):
    pass


NOT_FOUND, INVALID, PARSE = "Entry not found", "Invalid argument", "Parse error"


def is_name(text):
    return bool(text) and set(text) <= _NAME


def is_type(text):
    return bool(text) and all(33 <= ord(c) <= 126 for c in text)


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


class Words:
    """The words of a file, line by line; a quoted one may go on over several lines."""

    def __init__(self, stream):
        self.stream, self.line, self.rest, self.size = stream, 0, "", 0

    def next_line(self):
        self.rest = self.stream.readline()
        self.line += bool(self.rest)
        self.size = len(self.rest) or self.size
        return bool(self.rest)

    def fail(self, reason, at_once=False):
        byte = 0 if at_once else self.size - len(self.rest)
        raise UciError(f"{PARSE} ({reason}) at line {self.line}, byte {byte}")

    def word(self):
        """The next word of this line; empty at its end."""
        self.rest = self.rest.lstrip()
        out = []
        if self.rest.startswith(";"):
            self.rest = ""
        while self.rest and not self.rest[0].isspace():
            c, self.rest = self.rest[0], self.rest[1:]
            if c in "'\"":
                self._quote(c, out)
            elif c == "#":
                self.rest = ""
            elif c == ";":
                self.rest = c + self.rest
                break
            elif c == "\\":
                if self.rest in ("", "\n"):
                    self.next_line()
                else:
                    out.append(self.rest[0])
                    self.rest = self.rest[1:]
            else:
                out.append(c)
        return "".join(out)

    def _quote(self, mark, out):
        while True:
            if not self.rest and not self.next_line():
                self.fail(f"EOF with unterminated {mark}")
            c, self.rest = self.rest[0], self.rest[1:]
            if c == mark:
                return
            if c == "\\" and mark == '"' and self.rest:
                c, self.rest = self.rest[0], self.rest[1:]
                if c == "\n":
                    continue
            out.append(c)


class Section:
    def __init__(self, kind, name, anonymous):
        self.kind, self.name, self.anonymous = kind, name, anonymous
        self.options = {}


class Pointer:
    """``package.section.option=value``, not yet looked up."""

    def __init__(self, text):
        path, equals, value = text.partition("=")
        self.value = value if equals else None
        parts = path.split(".")
        if len(parts) > 3 or not is_name(parts[0].replace("-", "_")):
            raise UciError(PARSE)
        self.package, self.section, self.option = (*parts, None, None)[:3]
        if self.option is not None and not is_name(self.option):
            raise UciError(PARSE)


class Package:
    """One configuration: its file, and what is staged on top of it."""

    def __init__(self, name):
        self.name = name
        self.sections = []
        self.count = 0
        self.delta = []  # made here, not yet saved
        self.staged = []  # read from the files of staged changes

    # -- looking things up

    def find(self, name):
        if name.startswith("@"):
            kind, bracket, index = name[1:].partition("[")
            if not bracket or not index.endswith("]"):
                raise UciError(INVALID)
            try:
                number = int(index[:-1])
            except ValueError:
                raise UciError(INVALID) from None
            found = [s for s in self.sections if kind in ("", s.kind)]
            return found[number] if -len(found) <= number < len(found) else None
        if not is_name(name):
            raise UciError(INVALID)
        return next((s for s in self.sections if s.name == name), None)

    def of(self, kind):
        return [s for s in self.sections if s.kind == kind]

    # -- changes; each notes what it did, as the real library does

    def _note(self, *change):
        self.delta.append(change)

    def add(self, kind, name=None):
        if not is_type(kind):
            raise UciError(INVALID)
        self.count += 1
        anonymous = name is None
        if anonymous:
            # The place in the file is part of the name: so it shifts with what comes before.
            digest = 5381
            for c in kind.encode():
                digest = (digest * 33 + c) & 0xFFFFFFFF
            name = f"cfg{self.count:02x}{digest & 0xFFFF:04x}"
        section = Section(kind, name, anonymous)
        self.sections.append(section)
        self._note(ADD if anonymous else CHANGE, name, None, kind)
        return section

    def set(self, at, option, value):
        section = self.find(at)
        if option is None:
            if not value:
                if section:
                    self.delete(at, None)
            elif section is None:
                if not is_name(at):
                    raise UciError(INVALID)
                self.add(value, at)
            elif section.kind != value:
                if not is_type(value):
                    raise UciError(INVALID)
                section.kind = value
                self._note(CHANGE, section.name, None, value)
            return
        if section is None:
            raise UciError(INVALID)
        if not value:
            if option in section.options:
                self.delete(at, option)
        elif section.options.get(option) != value:
            section.options[option] = value
            self._note(CHANGE, section.name, option, value)

    def add_list(self, at, option, value):
        section = self.find(at)
        if section is None or value is None or option is None:
            raise UciError(INVALID)
        old = section.options.get(option, [])
        section.options[option] = [*([old] if isinstance(old, str) else old), value]
        self._note(LIST_ADD, section.name, option, value)

    def del_list(self, at, option, value):
        section = self.find(at)
        if section is None or value is None:
            raise UciError(INVALID)
        old = section.options.get(option)
        if isinstance(old, list):
            left = [v for v in old if v != value]
            section.options[option] = left
            self._note(LIST_DEL, section.name, option, value)

    def delete(self, at, option, value=None):
        section = self.find(at)
        if section is None:
            raise UciError(NOT_FOUND)
        if option is None:
            self.sections.remove(section)
        elif option not in section.options:
            raise UciError(NOT_FOUND)
        elif value and isinstance(section.options[option], list):
            index = int(value)
            if 0 <= index < len(section.options[option]):
                del section.options[option][index]
                self._note(REMOVE, section.name, option, value)
            return
        else:
            del section.options[option]
        self._note(REMOVE, section.name, option, None)

    def rename(self, at, option, value):
        section = self.find(at)
        if section is None or (option is not None and option not in section.options):
            raise UciError(NOT_FOUND)
        self._note(RENAME, section.name, option, value)
        if option is None:
            section.name, section.anonymous = value, False
        else:
            section.options = {value if k == option else k: v for k, v in section.options.items()}

    def reorder(self, at, place):
        section = self.find(at)
        if section is None:
            raise UciError(NOT_FOUND)
        before = list(self.sections)
        self.sections.remove(section)
        self.sections.insert(place, section)
        if before != self.sections:
            self._note(REORDER, section.name, None, str(place))

    # -- files

    def parse(self, stream, others=None):
        """Read a file into this package.

        :param others: where packages go that the file itself names; None: such lines say nothing
        """
        words, package, section = Words(stream), self, None
        while words.next_line():
            while words.rest.strip():
                word = words.word()
                if not word:
                    continue
                if word in ("package", "p"):
                    name = words.word()
                    if not is_name(name.replace("-", "_")):
                        words.fail("invalid character in name field")
                    if others is not None:
                        package = others.setdefault(name, Package(name))
                        section = None
                elif word in ("config", "c"):
                    section = self._parse_section(words, package)
                elif word in ("option", "o", "list", "l"):
                    self._parse_option(words, package, section, word)
                else:
                    words.fail("invalid command", at_once=True)
        for read in (self, *(others or {}).values()):
            read.delta = []
        return self

    @staticmethod
    def _end(words):
        if words.word():
            words.fail("too many arguments")

    def _parse_section(self, words, package):
        kind, name = words.word(), words.word()
        self._end(words)
        if not kind:
            words.fail("insufficient arguments")
        if not is_type(kind):
            words.fail("invalid character in type field")
        if not name:
            return package.add(kind)
        if not is_name(name):
            words.fail("invalid character in name field")
        old = package.find(name)
        if old and old.kind != kind:
            words.fail("section of different type overwrites prior section with same name")
        return old or package.add(kind, name)

    def _parse_option(self, words, package, section, word):
        if section is None:
            words.fail("option/list command found before the first section", at_once=True)
        name, value = words.word(), words.word()
        self._end(words)
        if not name:
            words.fail("insufficient arguments")
        if not is_name(name):
            words.fail("invalid character in name field")
        if word.startswith("l"):
            package.add_list(section.name, name, value)
        elif value:
            section.options[name] = value
        else:
            section.options.pop(name, None)

    def text(self, *, names=False, header=False):
        """What an export prints, and a commit writes; comments are nowhere in it."""
        lines = [f"package {self.name}"] if header else []
        for section in self.sections:
            named = f" {quoted(section.name)}" if names or not section.anonymous else ""
            lines += ["", f"config {section.kind}{named}"]
            for name, value in section.options.items():
                if isinstance(value, str):
                    lines.append(f"\toption {name} {quoted(value)}")
                else:
                    lines += [f"\tlist {name} {quoted(item)}" for item in value]
        return "\n".join([*lines, "", ""])

    def replay(self, path):
        """Apply a file of staged changes; a line that makes no sense is passed over."""
        try:
            with open(path) as stream:
                words = Words(stream)
                while words.next_line():
                    line = words.word()
                    if line:
                        try:
                            self._replay(line)
                        except (UciError, ValueError):
                            continue
        except FileNotFoundError:
            return
        finally:
            self.delta = []

    def _replay(self, line):
        mark = line[0] if line[0] in "+-@^|~" else ""
        at = Pointer(line[len(mark) :])
        if at.package != self.name or not at.section:
            raise UciError(PARSE)
        self.staged.append((mark, at.section, at.option, at.value))
        if mark == ADD and at.option is None:
            if self.find(at.section) is None:
                self.add(at.value, at.section)
            self.find(at.section).anonymous = True
        elif mark in (CHANGE, ADD):
            self.set(at.section, at.option, at.value)
        elif mark == REMOVE:
            self.delete(at.section, at.option, at.value)
        elif mark == RENAME:
            self.rename(at.section, at.option, at.value)
        elif mark == REORDER:
            self.reorder(at.section, int(at.value))
        elif mark == LIST_ADD:
            self.add_list(at.section, at.option, at.value)
        elif mark == LIST_DEL:
            self.del_list(at.section, at.option, at.value)


def delta_line(package, change):
    mark, section, option, value = change
    at = ".".join(filter(None, (package, section, option)))
    return f"{mark}{at}" + ("" if mark == REMOVE and value is None else f"={quoted(value)}") + "\n"


class Uci:
    """Where configurations and staged changes are."""

    def __init__(self, confdir=CONFDIR, conf2dir=CONF2DIR, savedir=SAVEDIR):
        self.confdir, self.conf2dir, self.savedir, self.more = confdir, conf2dir, savedir, []

    def path(self, name):
        if not is_name(name.replace("-", "_")):
            raise UciError(INVALID)
        override = f"{self.conf2dir}/{name}"
        return override if os.path.exists(override) else f"{self.confdir}/{name}"

    def names(self):
        found = sorted(os.listdir(self.confdir))
        return [n for n in found if is_name(n.replace("-", "_"))]

    def read(self, name):
        try:
            with open(self.path(name)) as stream:
                return Package(name).parse(stream)
        except (FileNotFoundError, IsADirectoryError):
            raise UciError(NOT_FOUND) from None

    def load(self, name):
        package = self.read(name)
        for folder in (*self.more, self.savedir):
            package.replay(f"{folder}/{name}")
        return package

    def save(self, package):
        if not package.delta:
            return
        os.umask(0o077)
        os.makedirs(self.savedir, exist_ok=True)
        with open(f"{self.savedir}/{package.name}", "a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.writelines(delta_line(package.name, change) for change in package.delta)
        package.delta = []

    def commit(self, name):
        if not os.path.exists(self.path(name)):
            raise UciError(NOT_FOUND)
        with open(self.path(name), "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            package = self.load(name)
            if not package.staged:
                return
            self.write(package)
            for folder in (*self.more, self.savedir):
                if folder == self.savedir and os.path.exists(f"{folder}/{name}"):
                    os.truncate(f"{folder}/{name}", 0)

    def write(self, package):
        """Into a temporary file beside the right one, and then in its place."""
        path = self.path(package.name)
        mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o600
        temporary = f"{self.confdir}/.{package.name}.uci-{os.getpid()}"
        with open(temporary, "w") as stream:
            stream.write(package.text())
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, mode)
        os.rename(temporary, path)

    def revert(self, at):
        path = f"{self.savedir}/{at.package}"
        package = self.load(at.package)
        section = at.section
        if section and (found := package.find(section)):
            section = found.name
        kept = [
            change
            for change in package.staged
            if section and (change[1] != section or (at.option and change[2] != at.option))
        ]
        if os.path.exists(path):
            with open(path, "w") as stream:
                stream.writelines(delta_line(package.name, change) for change in kept)
