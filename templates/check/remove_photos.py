"""Remove a check's test photos from a server, and the folders that only they were in.

Usage: python3 -I -c PROGRAM ROOT    with a JSON object on standard input:
    run      how the names of this run's photos begin
    photos   the SHA-256 of each by its name, or null where nobody knows it
    keep     folders that were there before, and empty
    largest  how many bytes the largest of them has

The folders belong to others, who may change anything in them meanwhile: so this works by handles
and follows no link. In the library a photo has to have the content that was sent, whatever number
its name has got; elsewhere it may be a part of that. It prints what it has removed, and as
``cannot PATH: REASON`` what it could not, each with a zero byte at its end: names of others may
hold line breaks, and bytes that no encoding has.
"""

import hashlib
import json
import os
import re
import stat
import sys

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
LIBRARY = "library"
# Of a camera, those that stay.
OWN = ("upload", "arriving", "incomplete", "unproven")
# What the library makes for a day, a month or a year.
DATE = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}")
MOST_LEVELS = 16


def digest(file, size):
    sha256 = hashlib.sha256()
    while size > 0 and (piece := os.read(file, min(size, 1 << 20))):
        sha256.update(piece)
        size -= len(piece)
    return sha256.hexdigest()


def original(name):
    """The name as it was sent: of photos of one name, the library numbers the later ones."""
    return re.sub(r"-[0-9]+(\.[^.]*)$", r"\1", name)


def tell(text):
    sys.stdout.buffer.write(os.fsencode(text) + b"\0")


class Removal:
    def __init__(self, order):
        self.run, self.photos = order["run"], order["photos"]
        self.keep, self.largest = frozenset(order["keep"]), order["largest"]

    def is_ours(self, folder, name, path):
        if not name.startswith(self.run):
            return False
        sent = next((each for each in (name, original(name)) if each in self.photos), None)
        if sent is None:
            return False
        file = os.open(name, FILE, dir_fd=folder)
        try:
            state = os.fstat(file)
            if not stat.S_ISREG(state.st_mode):
                return False
            sha256 = self.photos[sent]
            if sha256 is None or path[0] != LIBRARY:
                return True
            # One that is not may be of any size, or have no end.
            return state.st_size <= self.largest and digest(file, state.st_size) == sha256
        finally:
            os.close(file)

    def clear(self, folder, path):
        """Clear a folder, given by a handle and by the names on the way to it."""
        removed = False
        with os.scandir(folder) as entries:
            found = [(each.name, each.is_dir(follow_symlinks=False)) for each in entries]
        # The library comes last: photos get from a camera's folders into it, meanwhile as well.
        for name, is_folder in sorted(found, key=lambda each: each[0] == LIBRARY):
            here = [*path, name]
            try:
                if is_folder:
                    removed |= self.enter(folder, name, here)
                elif self.is_ours(folder, name, path):
                    os.unlink(name, dir_fd=folder)
                    tell("/".join(here))
                    removed = True
            except OSError as error:
                if name.startswith(self.run):
                    tell(f"cannot {'/'.join(here)}: {error.strerror}")
        return removed

    def enter(self, folder, name, path):
        # Deeper than any tree of the library.
        if len(path) > MOST_LEVELS:
            return False
        handle = os.open(name, FOLDER, dir_fd=folder)
        try:
            removed = self.clear(handle, path)
        finally:
            os.close(handle)
        if removed and not self.stays(path):
            try:
                os.rmdir(name, dir_fd=folder)
            except OSError:
                # Something else is in it.
                return False
        return removed

    def stays(self, path):
        """Whether a folder stays although it is empty: the library, a camera's, one of before."""
        if len(path) == 1 or "/".join(path) in self.keep:
            return True
        if path[0] != LIBRARY:
            return len(path) == 2 and path[1] in OWN
        return len(path) == 2 and not DATE.fullmatch(path[1])


def main():
    root = os.open(sys.argv[1], FOLDER)
    Removal(json.load(sys.stdin)).clear(root, [])


main()
