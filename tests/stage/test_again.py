"""A second run changes nothing, a killed one is healed, and what was removed is gone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hotshoe.stage.topology import CAMERA, INTERNET, LAPTOP
from tests.stage.home import BIN, Home
from tests.stage.test_firewall import wait_until


def test_a_second_run_changes_nothing(either_home: Home) -> None:
    assert either_home.deploy() == {}


def test_a_second_run_costs_one_ssh_command_a_host(home: Home) -> None:
    """Counted by root's login shell."""
    shell, nodes = "/root/counting", (home.server, home.router)
    script = f"printf '#!/bin/sh\\necho >>/root/count\\nexec /bin/bash \"$@\"\\n' >{shell}"
    for node in nodes:
        home.sh(node, f"{script}; chmod 755 {shell}; : >/root/count; usermod --shell {shell} root")
    try:
        assert home.deploy() == {}
        counts = [home.sh(node, "wc -l </root/count").strip() for node in nodes]
    finally:
        for node in nodes:
            home.sh(node, f"usermod --shell /bin/bash root; rm {shell} /root/count")
    assert counts == ["1", "1"]


def test_operations_of_different_kinds_of_hosts_are_never_fused(home: Home) -> None:
    """pyinfra would give such an operation two names."""
    plan = json.loads(home.pyinfra("--dry", "--json").stdout)["plan"]
    assert len(plan) > 40
    assert [each["names"] for each in plan if len(each["names"]) != 1] == []


ENDLESS = """
from pyinfra.operations import server

server.shell(name="endless", commands=["sleep 120"])
"""


def test_a_command_that_never_ends_is_given_up(home: Home) -> None:
    """After half an hour, which this test does not wait for."""
    (home.project / "endless.py").write_text(ENDLESS)
    began = time.monotonic()
    limit = ("--limit", home.server, "--data", "_timeout=3")
    done = home.pyinfra("-y", *limit, deploy="endless.py", check=False)
    assert 3 <= time.monotonic() - began < 60
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_a_dry_run_shows_what_would_change_and_changes_nothing(home: Home) -> None:
    home.sh(home.server, "echo >>/etc/hotshoe/vsftpd.conf")
    changes = home.would_change()
    assert changes == [
        "vsftpd | Configure vsftpd 3.0.5",
        "vsftpd | Start vsftpd on port 21",
    ]
    assert home.sh(home.server, "tail -n 1 /etc/hotshoe/vsftpd.conf") == "\n"
    assert sorted(home.deploy()) == sorted(changes)
    assert home.deploy() == {}


FIREWALL = "Firewall | Load the rules for incoming connections"
OUTGOING = "Firewall | Load the rules for connections that vsftpd opens"
SESSIONS = "vsftpd | Start hotshoe-sessions to keep places free for cameras"
SERVER_DAMAGE = {
    "rm /etc/hotshoe/cameras.pwd": "Users | Install the hashed passwords of the cameras",
    "chmod 644 /etc/hotshoe/server.pem": "TLS | Issue the certificate for photos.example.net",
    "rm -r /srv/hotshoe/a7/upload": "Intake | Create the folders that cameras upload to",
    "chmod 770 /srv/hotshoe/a7/incomplete": (
        "Intake | Create the folders for uploads that are not, or not surely, whole"
    ),
    "chmod 777 /srv/hotshoe/r5": (
        "Users | Create the root folders of cameras, which they cannot write to"
    ),
    "usermod --shell /bin/bash hotshoe-ftpd": "vsftpd | Create the user of unprivileged processes",
    "systemctl stop hotshoe-sessions": SESSIONS,
    "usermod --shell /bin/bash hotshoe": "vsftpd | Create the user who owns the photos",
    "systemctl unmask vsftpd": "vsftpd | Mask Debian's own unit",
    "systemctl disable --now --quiet hotshoe-vsftpd": "vsftpd | Start vsftpd on port 21",
    "nft add rule inet hotshoe_firewall input accept": FIREWALL,
    "nft delete table inet hotshoe_outgoing": OUTGOING,
}
ROUTER_DAMAGE = {
    "rm /etc/hotshoe/hotshoe_routing.nft": "Router | Load the rules for routing and masquerading",
    "nft delete table inet hotshoe_forwards": "Router | Load the rules for port forwards",
    "echo 0 >/proc/sys/net/ipv4/ip_forward": "Router | Enable forwarding now",
    "rm /etc/sysctl.d/90-hotshoe.conf": "Router | Configure forwarding at boot",
}


def test_damage_is_found_and_corrected(home: Home) -> None:
    for damage in SERVER_DAMAGE:
        home.sh(home.server, damage)
    for damage in ROUTER_DAMAGE:
        home.sh(home.router, damage)
    assert set(home.deploy()) == {*SERVER_DAMAGE.values(), *ROUTER_DAMAGE.values()}
    assert home.deploy() == {}
    home.uploads_work()


# The mirror's lists can be had then, and its packages cannot.
NO_PACKAGES = """
table ip outage {
    chain input {
        type filter hook input priority filter
        tcp dport 80 @th,352,32 "pool" counter reject with tcp reset
    }
}
"""
# apt-get by itself asks for a package no more than this often, at a connection that is reset.
APT_ASKS = 8


def test_a_download_that_fails_for_a_while_does_not_end_the_deploy(home: Home) -> None:
    """The Internet refuses packages until apt-get alone would have given up."""
    home.sh(home.server, "dpkg --purge --force-depends libpam-pwdfile; apt-get clean")
    rules = NO_PACKAGES.replace('"pool"', f"0x{b'pool'.hex()}")
    home.sh(INTERNET, f"nft -f - <<'.'\n{rules}.")
    refused = "nft list table ip outage | grep -o 'packets [0-9]*'"
    try:
        with ThreadPoolExecutor() as pool:
            deploy = pool.submit(home.deploy)
            try:
                wait_until(
                    lambda: deploy.done() or int(home.sh(INTERNET, refused).split()[1]) > APT_ASKS,
                    120,
                )
            finally:
                home.sh(INTERNET, "nft delete table ip outage")
            assert "Server | Install packages" in deploy.result()
    finally:
        home.deploy()
    home.uploads_work()


def test_a_folder_in_the_way_of_a_file_ends_the_deploy_before_anything_is_changed(
    either_home: Home,
) -> None:
    home, path = either_home, "/etc/hotshoe/cameras.pwd"
    home.sh(home.server, f"mv {path} {path}.kept; mkdir {path}; rm /etc/hotshoe/openssl.cnf")
    home.sh(home.router, "rm /etc/sysctl.d/90-hotshoe.conf")
    try:
        assert f"{home.server}: {path} is a folder, where hotshoe puts a file" in home.refusal()
        assert home.sh(home.server, f"find {path}") == f"{path}\n"
        assert not home.succeeds(home.server, "test -e /etc/hotshoe/openssl.cnf")
        assert not home.succeeds(home.router, "test -e /etc/sysctl.d/90-hotshoe.conf")
    finally:
        home.sh(home.server, f"rm -rf {path}; mv {path}.kept {path}")
        home.deploy()
    home.uploads_work()


def test_a_link_in_the_way_of_a_file_is_replaced_and_not_followed(home: Home) -> None:
    """Whether it leads to a file or to a folder, at the file's place or at the new one's."""
    folder = "/root/elsewhere"
    home.sh(
        home.server,
        f"mkdir -p {folder}; cd /etc/hotshoe; ln -sf {folder}/forged cameras.pwd.new; "
        f"echo mine >{folder}/forged; ln -sf {folder}/forged cameras.pwd; "
        f"rm openssl.cnf; ln -s {folder} openssl.cnf; "
        f"rm hotshoe_firewall.nft; ln -s {folder} hotshoe_firewall.nft; "
        f"ln -s {folder}/forged hotshoe_firewall.nft.new",
    )
    home.deploy()
    assert home.sh(home.server, f"cat {folder}/*") == "mine\n"
    assert home.sh(home.server, "find /etc/hotshoe -type l") == ""
    assert home.deploy() == {}
    home.uploads_work()


def test_the_journal_says_why_the_server_program_does_not_start(either_home: Home) -> None:
    """vsftpd itself tells nobody: it writes to its standard input."""
    home = either_home
    home.sh(home.server, "echo nonsense=YES >>/etc/hotshoe/vsftpd.conf")
    try:
        home.sh(home.server, "systemctl restart hotshoe-vsftpd")
        why = "journalctl -o cat -u hotshoe-vsftpd | grep 'unrecognised variable.*: nonsense'"
        wait_until(lambda: home.succeeds(home.server, why), 20)
    finally:
        home.deploy()
    home.uploads_work()


def test_what_debian_or_the_person_set_up_stays(home: Home) -> None:
    """Tables of others survive a deploy, and ours survives others' flush of everything."""
    home.sh(home.server, "nft add table inet somebody; nft add chain inet somebody theirs")
    home.sh(home.server, "nft add rule inet hotshoe_firewall input accept")  # makes it reload
    home.deploy()
    assert "chain theirs" in home.sh(home.server, "nft list table inet somebody")
    home.sh(home.server, "nft delete table inet somebody; systemctl restart nftables.service")
    # The units of our tables restart with it; systemctl waits for its own alone.
    jobs = "systemctl list-jobs --no-legend"
    wait_until(lambda: "hotshoe" not in home.sh(home.server, jobs), 30)
    assert home.deploy() == {}, "our table is back by itself after nftables.service flushed it"


def test_port_forwards_of_the_person_s_own_still_work(home: Home) -> None:
    laptop = home.stage.node(LAPTOP).ports[0].address.ip
    public = home.server_plan.public_address
    assert home.reach(CAMERA, public, 8080) == ["silent"]
    home.sh(
        home.router,
        "nft add table ip mine; "
        "nft 'add chain ip mine in { type nat hook prerouting priority dstnat; }'; "
        f"nft add rule ip mine in tcp dport 8080 dnat to {laptop}",
    )
    try:
        # Nobody listens there, but the laptop itself says so.
        assert home.reach(CAMERA, public, 8080, 8081) == ["closed", "silent"]
    finally:
        home.sh(home.router, "nft delete table ip mine")


def test_a_renewed_certificate_is_loaded(home: Home) -> None:
    """A server without its certificate gets another, and presents it."""
    before = served(home)
    home.sh(home.server, "rm /etc/hotshoe/server.pem")
    home.deploy()
    assert served(home) != before
    home.uploads_work()


def served(home: Home) -> str:
    """The serial number of the certificate that the server presents."""
    return home.sh(
        CAMERA,
        "echo QUIT | openssl s_client -starttls ftp -connect "
        f"{home.server_plan.hostname}:21 2>/dev/null | openssl x509 -noout -serial",
    )


@pytest.mark.parametrize("name", ["server", "router"])
def test_after_a_reboot_uploads_work_untouched(either_home: Home, name: str) -> None:
    home = either_home
    home.stage.reboot(getattr(home, name))
    home.wait_until_it_listens()
    home.uploads_work()
    assert home.deploy() == {}


def test_a_camera_that_leaves_the_site_cannot_log_in_but_its_photos_stay(home: Home) -> None:
    site = home.project / "group_vars" / "home.yml"
    vault = home.project / "group_vars" / "all.vault.yml"
    said, kept = site.read_text(), vault.read_bytes()
    other, password = "a7", home.secrets.camera_passwords["a7"]
    assert home.ftp(["stor", "keep.JPG", 7], user=other, password=password)[0][:3] == "226"
    photo = home.photo("keep.JPG", other)
    try:
        site.write_text(said.replace("  - {name: a7}\n", ""))
        command = [str(BIN / "ansible-vault"), "decrypt", str(vault)]
        demo = str(home.project / "group_vars" / "demo.vault-password")
        subprocess.run([*command, "--vault-password-file", demo], check=True, capture_output=True)
        lines = vault.read_text().splitlines(keepends=True)
        vault.write_text("".join(line for line in lines if "a7:" not in line))
        command[1] = "encrypt"
        subprocess.run([*command, "--vault-password-file", demo], check=True, capture_output=True)
        home.deploy()
        (reply,) = home.ftp(user=other, password=password)
        assert "530 Login incorrect." in reply
        assert home.sh(home.server, f"cat {photo}") == "x" * 7
    finally:
        site.write_text(said)
        vault.write_bytes(kept)
        home.deploy()


def test_another_user_than_root_deploys_with_sudo(bare_home: Home) -> None:
    home = bare_home
    nodes = (home.server, home.router)
    before = {node: files_of_nobody(home, node) for node in nodes}
    had = {node: asked_for(home, node) for node in nodes}
    for node in nodes:
        home.sh(
            node,
            "useradd --create-home friend; cp -r /root/.ssh /home/friend; "
            "chown -R friend: /home/friend; rm /root/.ssh/authorized_keys; "
            "echo 'friend ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/friend",
        )
    site = home.project / "group_vars" / "home.yml"
    said = site.read_text().replace("{name: gateway,", "{name: gateway, ssh_user: friend,")
    site.write_text(said.replace("{name: darkroom,", "{name: darkroom, ssh_user: friend,"))
    home.deploy()
    home.equip(CAMERA)
    home.uploads_work()
    assert home.deploy() == {}
    assert {node: asked_for(home, node) - packages for node, packages in had.items()} == {
        home.server: {"vsftpd", "libpam-pwdfile", "nftables", "python3", "python3-systemd"},
        home.router: {"nftables"},
    }
    for node, files in before.items():
        new = files_of_nobody(home, node) - files
        ours = {path for path in new if path.startswith(OWNED)}
        assert ours
        assert sorted(path for path in new - ours if not PACKAGES_LEAVE.match(path)) == []


# The user who logs in here, and what packages leave of which dpkg does not know.
PACKAGES_LEAVE = re.compile(
    r"/etc/(sudoers\.d/friend|rc\d\.d/\w+vsftpd|sub[gu]id-?|networks|inputrc)$|/srv/ftp$"
    r"|/etc/python3[.\w]*(/debian_config)?$|/usr/local/lib/python3[.\w]*(/dist-packages)?$"
)
# What docs/hosts.md says that hotshoe puts on a Debian host and owns there.
OWNED = (
    *("/etc/hotshoe", "/etc/pam.d/hotshoe-vsftpd", "/etc/sysctl.d/90-hotshoe.conf"),
    *(
        "/etc/systemd/system/hotshoe-",
        "/usr/local/sbin/hotshoe-",
        "/srv/hotshoe",
        "/usr/local/lib/hotshoe",
    ),
    # Enabled, and Debian's own unit masked.
    *(f"/etc/systemd/system/{target}.target.wants/hotshoe-" for target in ("multi-user", "timers")),
    *("/etc/systemd/system/nftables.service.wants", "/etc/systemd/system/vsftpd.service"),
)


def asked_for(home: Home, node: str) -> set[str]:
    """The Debian packages that were not installed for others alone."""
    return set(home.sh(node, "apt-mark showmanual").split())


def files_of_nobody(home: Home, node: str) -> set[str]:
    """The files and folders that no Debian package brought, where configuration is and photos."""
    script = (
        "find /etc /opt /srv /usr/local -xdev >/tmp/all; "
        "cat /var/lib/dpkg/info/*.list /var/lib/dpkg/info/*.conffiles | sort -u >/tmp/known; "
        "sort /tmp/all | comm -23 - /tmp/known"
    )
    return set(home.sh(node, script).splitlines())


# Where to kill the first deploy: right after pyinfra says that it starts this operation.
STEPS = [
    "Router | Install packages",
    "Router | Load the rules for routing and masquerading",
    "Server | Install packages",
    "TLS | Issue the certificate for photos.example.net",
    "Users | Install the hashed passwords of the cameras",
    "Firewall | Load the rules for incoming connections",
    "Firewall | Load the rules for connections that vsftpd opens",
    "vsftpd | Configure vsftpd 3.0.3",
    "vsftpd | Start vsftpd on port 21",
    "Router | Load the rules for port forwards",
]


def test_a_deploy_killed_again_and_again_is_healed_by_the_next(bare_home: Home) -> None:
    home = bare_home
    for step in STEPS:
        kill_at(home, step)
    home.deploy()
    for node in ("camera", "laptop"):
        home.equip(node)
    home.uploads_work()
    assert home.deploy() == {}


def kill_at(home: Home, step: str) -> None:
    """Start a deploy and kill it without warning as soon as it has begun a step."""
    command = [str(BIN / "pyinfra"), "-y", *home.stage.pyinfra_arguments()]
    command += [f"inventories/{home.stage.site}.py", "deploy.py"]
    with subprocess.Popen(
        command,
        cwd=home.project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == f"--> Starting operation: {step}":
                time.sleep(0.05)
                break
        else:
            pytest.fail(f"{step} never started")
        os.killpg(process.pid, signal.SIGKILL)
