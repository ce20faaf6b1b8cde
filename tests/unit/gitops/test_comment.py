"""What a merge request changes, in words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from hotshoe.cli import main
from hotshoe.gitops import comment
from tests.conftest import SMALLEST

INVENTORY = "servers, routers, openwrt_routers, fetchers = [], [], [], []\n"


class Repository:
    """A repository of homes; what is written is committed only when it is said."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "group_vars").mkdir()
        (root / "inventories").mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("home")
        self.commit()

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.net"]
        subprocess.run(["git", "-C", self.root, *who, *arguments], check=True, capture_output=True)

    def write(self, site: str, *changes: tuple[str, str]) -> None:
        text = SMALLEST
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (self.root / "group_vars" / f"{site}.yml").write_text(text)
        (self.root / "inventories" / f"{site}.py").write_text(INVENTORY)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")

    def comment(self, *arguments: str):
        return CliRunner().invoke(main, ["comment", "--base", "main", *arguments])


@pytest.fixture
def homes(tmp_path, monkeypatch) -> Repository:
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path)


def rows(result) -> list[str]:
    return [line for line in result.stdout.splitlines() if line.startswith("| ")][1:]


def notices(result) -> list[str]:
    told, _, _ = result.stdout.partition("The Plan, before and after:")
    return [line for line in told.splitlines() if line.startswith("- ")]


class TestWhatBecomesOfAHome:
    def test_nothing(self, homes):
        result = homes.comment()
        assert (result.exit_code, rows(result)) == (0, ["| home | no change |"])
        assert "###" not in result.stdout

    def test_nothing_to_one_that_is_a_link(self, homes):
        file = homes.root / "group_vars" / "home.yml"
        file.rename(homes.root / "ours.yml")
        file.symlink_to("../ours.yml")
        homes.commit()
        assert rows(homes.comment()) == ["| home | no change |"]
        ours = homes.root / "ours.yml"
        ours.write_text(ours.read_text().replace("{name: r5}", "{name: x9}"))
        result = homes.comment()
        assert rows(result) == ["| home | changes |"]
        assert "\n-cameras         r5\n" in result.stdout

    def test_it_changes(self, homes):
        homes.write("home", ("{name: r5}", "{name: r5}, {name: x9}"))
        result = homes.comment()
        assert (result.exit_code, rows(result)) == (0, ["| home | changes |"])
        assert "\n-cameras         r5\n" in result.stdout
        assert "\n+cameras         r5, x9\n" in result.stdout

    def test_it_is_new(self, homes):
        homes.write("cabin")
        assert rows(homes.comment()) == ["| cabin | is new |", "| home | no change |"]

    def test_it_goes(self, homes):
        (homes.root / "inventories" / "home.py").unlink()
        assert rows(homes.comment()) == [
            "| home | goes from the repository; its hosts stay as they are |"
        ]

    def test_its_vault_changes(self, homes):
        (homes.root / "group_vars" / "home.vault.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n")
        result = homes.comment()
        assert rows(result) == [
            "| home | keeps its Plan; something that it is deployed with changes |"
        ]
        assert "ANSIBLE_VAULT" not in result.stdout

    def test_it_is_refused_in_its_own_words(self, homes):
        homes.write("home", ("192.168.1.1/24", "192.168.1.1"))
        homes.write("cabin")
        result = homes.comment()
        assert (result.exit_code, rows(result)) == (
            1,
            ["| cabin | is new |", "| home | is refused |"],
        )
        words = "group_vars/home.yml: routers[0].lan: '192.168.1.1' has no prefix length\n"
        assert words in result.stdout
        assert words in result.stderr

    def test_it_was_refused_before(self, homes):
        homes.write("home", ("192.168.1.1/24", "192.168.1.1"))
        homes.commit()
        homes.write("home")
        result = homes.comment()
        assert (result.exit_code, rows(result)) == (0, ["| home | changes |"])
        assert notices(result) == ["- it is a new home."]

    def test_what_main_has_got_meanwhile_is_none_of_it(self, homes):
        homes.git("checkout", "-q", "-b", "mine")
        homes.write("home", ("{name: r5}", "{name: r5}, {name: x9}"))
        homes.commit()
        homes.git("checkout", "-q", "main")
        homes.write("cabin")
        homes.commit()
        homes.git("checkout", "-q", "mine")
        assert rows(homes.comment()) == ["| home | changes |"]

    def test_of_some_alone(self, homes):
        homes.write("cabin")
        assert rows(homes.comment("cabin")) == ["| cabin | is new |"]
        result = homes.comment("hut")
        assert result.exit_code == 1
        assert "Error: hut: there is no such Site, neither now nor at main\n" in result.stderr

    def test_since_nowhere(self, homes):
        result = CliRunner().invoke(main, ["comment", "--base", "--output=x"])
        assert result.exit_code == 1
        assert "this repository has no such revision" in result.stderr

    def test_outside_of_a_repository(self, tmp_path, monkeypatch):
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        monkeypatch.chdir(tmp_path)
        result = CliRunner().invoke(main, ["comment", "--base", "main"])
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: {tmp_path}: is in no repository of git\n    -> ")


EXPLICIT = "hostname: photos.example.net\n"


class TestWhatACameraWouldNotice:
    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            (EXPLICIT, f"{EXPLICIT}photos: {{keep_incomplete: 3}}\n", ["- nothing."]),
            (
                EXPLICIT,
                f"{EXPLICIT}ftp: {{control_port: 2121}}\n",
                ["- camera r5&#58; Port becomes 2121, and was 21."],
            ),
            (
                EXPLICIT,
                f"{EXPLICIT}ftp: {{tls: implicit}}\n",
                [
                    "- camera r5&#58; Type of server becomes FTPS \\(implicit\\), and was FTPS "
                    "\\(explicit\\).",
                    "- camera r5&#58; Port becomes 990, and was 21.",
                ],
            ),
            (
                "[{name: r5}]",
                "[{name: a7}]",
                [
                    "- camera r5 can no longer log in; its photos stay.",
                    "- camera a7 is new&#58; hotshoe sheet home \\-\\-camera a7 says what to "
                    "enter.",
                ],
            ),
            (
                EXPLICIT,
                "hostname: shots.example.net\n",
                [
                    "- camera r5&#58; Server address becomes shots\\.example\\.net, and was "
                    "photos\\.example\\.net.",
                    "- darkroom&#58; an authority vouches for one name, so cameras that verify the "
                    "certificate need the root certificate of the new one.",
                ],
            ),
            (
                EXPLICIT,
                f"{EXPLICIT}certificate: {{issuer: letsencrypt}}\n",
                [
                    "- camera r5&#58; Root certificate becomes nothing to load, if the camera "
                    "knows the issuer, and was load it from the card.",
                    "- darkroom&#58; the certificate's issuer becomes letsencrypt, and was own\\-ca"
                    "&#58; cameras that verify it need the new root certificate.",
                ],
            ),
            (
                EXPLICIT,
                f"{EXPLICIT}ftp: {{tls_1_3: true}}\n",
                ["- darkroom&#58; TLS becomes 1\\.2 and 1\\.3, and was 1\\.2."],
            ),
        ],
    )
    def test_it_is_told(self, homes, old, new, expected):
        homes.write("home", (old, new))
        told = [line for line in notices(homes.comment()) if "the network that" not in line]
        assert told == expected

    def test_networks_that_allow_little_have_to_allow_other_ports(self, homes):
        homes.write("home", (EXPLICIT, f"{EXPLICIT}ftp: {{passive_ports: 51000-51199}}\n"))
        (told,) = notices(homes.comment())
        assert told.startswith("- the network that cameras are in&#58; ")
        assert "51000\\-51199" in told


class TestWhatAStrangerWrites:
    """The text is shown by a service that has buttons, mentions and images."""

    def test_in_a_message_stays_in_its_block(self, homes):
        homes.write("home", ("photos.example.net", '"```\\n# Approved\\n<img src=x> @everyone"'))
        result = homes.comment()
        assert result.exit_code == 1
        outside, _, rest = result.stdout.partition("```text\n")
        fence = "```"
        if "````" in result.stdout:
            outside, _, rest = result.stdout.partition("````text\n")
            fence = "````"
        inside, _, after = rest.partition(f"\n{fence}\n")
        assert "<img" not in outside + after
        assert "@everyone" not in outside + after
        assert "\n# Approved" not in inside
        assert after.strip() == ""

    def test_as_a_key_is_one_line(self, homes):
        """What a service takes for a command is a line of its own: GitLab's /merge, GitHub's ::."""
        homes.write("home", ("hostname:", '"x\\n/merge\\n::add-mask::x\\e[2J": 1\nhostname:'))
        result = homes.comment()
        assert result.exit_code == 1
        for said in (result.stdout, result.stderr):
            assert "home.yml: x\\n/merge\\n::add-mask::x\\x1b[2J: is not a key" in said
            assert not [line for line in said.splitlines() if line.startswith(("/", "::"))]

    @pytest.mark.parametrize(
        "text", ["```\n# x", "``````", "~~~\n", "a\n````\nb", "\x1b[31m", "x\r```\r"]
    )
    def test_no_text_ends_a_block(self, text):
        opening, *inside, closing, _ = "\n".join(comment._block("text", text)).split("\n")
        fence = opening.removesuffix("text")
        assert closing == fence
        assert set(fence) == {"`"}
        assert all(fence not in line for line in inside)
        assert all(line.isprintable() for line in inside)

    def test_as_the_name_of_a_file_is_no_markup(self, homes):
        homes.write("<img src=x>@all`|[a](b)")
        shown = "&lt;img src=x&gt;&#64;all\\`\\|\\[a\\]\\(b\\)"
        told = [line for line in homes.comment().stdout.splitlines() if "img" in line]
        assert told[:2] == [f"| {shown} | is new |", f"### {shown}"]


def test_pictures_are_of_homes_that_change(homes, tmp_path):
    homes.write("home", ("{name: r5}", "{name: r5}, {name: x9}"))
    homes.write("cabin")
    (homes.root / "inventories" / "hut.py").write_text(INVENTORY)
    assert homes.comment("--pictures", "pictures").exit_code == 0
    made = {path.name: path.read_text() for path in (tmp_path / "pictures").iterdir()}
    assert set(made) == {"home-before.svg", "home-after.svg", "cabin-after.svg"}
    assert "x9" in made["home-after.svg"]
    assert "x9" not in made["home-before.svg"]


def test_a_branch_has_no_picture_written_over_another_file(homes, tmp_path):
    """Whoever looks at the branch of a stranger runs nothing of it."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    homes.write("home", ("{name: r5}", "{name: r5}, {name: x9}"))
    (tmp_path / "pictures").mkdir()
    after = tmp_path / "pictures" / "home-after.svg"
    for put in (lambda: after.symlink_to(mine), lambda: after.write_text("mine")):
        after.unlink(missing_ok=True)
        put()
        result = homes.comment("--pictures", "pictures")
        assert result.exit_code == 1
        assert "home-after.svg: " in result.stderr
        assert "\n    -> name " in result.stderr
        assert (mine.read_text(), after.read_text()) == ("mine", "mine")
        assert [path.name for path in after.parent.iterdir()] == [after.name]


def test_pictures_that_cannot_be_written_are_refused(homes):
    homes.write("home", ("{name: r5}", "{name: r5}, {name: x9}"))
    (homes.root / "file").touch()
    result = homes.comment("--pictures", "file/pictures")
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
    assert result.stderr == (
        "Error: file/pictures: cannot be made: Not a directory\n    -> name another folder\n"
    )


def test_no_comment_is_longer_than_services_take(homes):
    for number in range(70):
        homes.write(f"home{number}")
    text = homes.comment().stdout
    assert len(text) < comment.LONGEST + 200
    assert text.count("\n```") % 2 == 0
    assert "There is more" in text


def test_it_opens_no_vault_and_needs_no_secret(homes, monkeypatch):
    monkeypatch.setattr("hotshoe.secrets.vault.begin_opening", lambda *_: pytest.fail("opened"))
    homes.write("home", ("{name: r5}", "{name: r5}, {name: x9}"))
    assert homes.comment().exit_code == 0
