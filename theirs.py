import io
from pyinfra.operations import apt, files, server, systemd

apt.packages(packages=["vsftpd", "libpam-pwdfile", "nftables", "openssl"], name="packages")
server.user(user="hotshoe-ftpd", home="/nonexistent", shell="/usr/sbin/nologin", system=True, ensure_home=False, create_home=False, name="user")
for path in ("/etc/hotshoe", "/srv/hotshoe", "/srv/hotshoe/r5"):
    files.directory(path=path, user="root", group="root", mode="755", name=f"folder {path}")
for path in ("/etc/hotshoe/vsftpd.conf", "/etc/hotshoe/openssl.cnf", "/etc/pam.d/hotshoe-vsftpd"):
    files.put(src="/tmp/theirs" + path, dest=path, user="root", group="root", mode="644", name=f"file {path}")
for unit in ("hotshoe-vsftpd.service", "hotshoe-settle.service", "hotshoe-firewall.service"):
    systemd.service(service=unit, running=True, enabled=True, name=f"unit {unit}")
