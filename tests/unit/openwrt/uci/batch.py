"""What `uci batch` makes of a package, as libuci does it (list.c, cli.c); and the real program."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from hotshoe.openwrt.uci.data import Package, Section
from hotshoe.openwrt.uci.text import parse, render


class RefusedError(Exception):
    """libuci would print an error for this line."""


class Interpreter:
    """Carries out batch lines on a package.

    :param package: what is there before
    """

    def __init__(self, package):
        self.name = package.name
        self.sections = [[s.type, s.name, dict(s.options)] for s in package.sections]

    @classmethod
    def apply(cls, package, lines):
        """What becomes of the package.

        :raises RefusedError: if libuci would not take a line
        """
        interpreter = cls(package)
        for line in lines:
            interpreter.carry_out(line)
        return Package(interpreter.name, tuple(Section(*one) for one in interpreter.sections))

    def carry_out(self, line):
        command, argument = shlex.split(line)
        address, _, value = argument.partition("=")
        package, section, *option = address.split(".")
        if package != self.name or re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", value):
            raise RefusedError(line)
        found = self.find(section)
        if option:
            if found is None:
                raise RefusedError(line)
            self.option(command, found[2], option[0], value)
        else:
            self.section(command, section, found, value)

    def find(self, section):
        if not section.startswith("@"):
            return next((one for one in self.sections if one[1] == section), None)
        kind, index = re.fullmatch(r"@(.+)\[(-?\d+)\]", section).groups()
        alike = [one for one in self.sections if one[0] == kind]
        return alike[int(index)] if -len(alike) <= int(index) < len(alike) else None

    def section(self, command, name, found, value):
        if command == "set" and value and found is None:
            self.sections.append([value, name, {}])
        elif command == "set" and value:
            found[0] = value
        elif command == "delete" and found is not None:
            self.sections.remove(found)
        elif command == "reorder" and found is not None:
            self.sections.remove(found)
            self.sections.insert(int(value), found)
        else:
            raise RefusedError(command, name, value)

    def option(self, command, options, name, value):
        if command == "set" and value:
            options[name] = value
        elif command == "set":
            options.pop(name, None)
        elif command == "delete" and name in options:
            del options[name]
        elif command == "add_list":
            before = options.get(name, ())
            options[name] = (*((before,) if isinstance(before, str) else before), value)
        elif command == "del_list":
            if isinstance(options.get(name), tuple):
                options[name] = tuple(item for item in options[name] if item != value)
        else:
            raise RefusedError(command, name, value)


class Program:
    """The real program, in a folder of its own.

    :param uci: its path
    :param folder: where its files go
    """

    def __init__(self, uci: str, folder: Path):
        self.uci = uci
        self.config = folder / "config"
        self.delta = folder / "delta"
        self.config.mkdir()
        self.delta.mkdir()

    def run(self, *arguments, text=""):
        done = subprocess.run(
            [self.uci, "-c", self.config, "-P", self.delta, *arguments],
            input=text.encode(errors="surrogateescape"),
            capture_output=True,
            timeout=60,
        )
        if done.stderr:
            raise RefusedError(done.stderr.decode())
        return done.stdout.decode(errors="surrogateescape")

    def read(self, text, name):
        """The text that it exports when it finds this text in a file."""
        (self.config / name).write_bytes(text.encode(errors="surrogateescape"))
        (self.delta / name).unlink(missing_ok=True)
        return self.run("export", name)

    def apply(self, package, lines):
        """What becomes of the package.

        :raises RefusedError: if it prints an error
        """
        self.read(render(package), package.name)
        self.run("batch", text="".join(f"{line}\n" for line in lines))
        return parse(self.run("export", package.name))[0]
