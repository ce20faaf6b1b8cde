"""Where things are on a Debian server or router. Roles, templates and tests take them from here."""

FOLDER = "/etc/hotshoe"
UNITS = "/etc/systemd/system"
# As what a Site uses a host: a file each, whose name ends in the Site's.
NOTES = f"{FOLDER}/site-"
# What a unit has loaded, in /run, so that nothing of it outlives a reboot.
RECORDS = "/run/hotshoe"

# The program that loads rules and puts them back.
RULESET = "/usr/local/sbin/hotshoe-ruleset"

# vsftpd (each daemon's configuration is in hotshoe.debian.daemons).
CERTIFICATE = f"{FOLDER}/server.pem"
# The program that tells when that ends.
WATCH_CERTIFICATE = "/usr/local/sbin/hotshoe-certificate"
OPENSSL_CONFIGURATION = f"{FOLDER}/openssl.cnf"
# Where Debian's OpenSSL looks for it.
OPENSSL_DEFAULT = "/etc/ssl/openssl.cnf"
# What a session loads besides, by what libwrap finds in the place of the host's own file.
HOSTS_ALLOW = f"{FOLDER}/hosts.allow"
HOSTS_ALLOW_DEFAULT = "/etc/hosts.allow"
INSIDE = f"{FOLDER}/vsftpd-inside.conf"
# Runs vsftpd for plain FTP, while the direct link is up.
DIRECT_LINK = "/usr/local/sbin/hotshoe-direct-link"
# Where a process of vsftpd is locked in that needs no files.
EMPTY = f"{RECORDS}/empty"
SESSIONS = "/usr/local/sbin/hotshoe-sessions"

# Python packages of ours.
PACKAGES = "/usr/local/lib/hotshoe"

# A public address that changes: the program that follows it, what it found, and what it runs to
# update the record of the name.
ADDRESS_PROGRAM = f"{PACKAGES}/hotshoe_address"
ADDRESS_CONFIGURATION = f"{FOLDER}/address.json"
STATE = "/var/lib/hotshoe"
PUBLIC_ADDRESS = f"{STATE}/public-address.conf"
ROUTER_ADDRESS = f"{STATE}/router-address"
RECORD_SENT = f"{RECORDS}/record"
ADDRESS_LOCK = f"{RECORDS}/address.lock"
UPDATE_RECORD = "/usr/local/sbin/hotshoe-update-record"
# What that reads: the secret, so only root may.
RECORD_CONFIGURATION = f"{FOLDER}/record.conf"

# A certificate by ACME: the program, what it reads, and certbot's folders.
ACME = "/usr/local/sbin/hotshoe-acme"
ACME_PROGRAM = f"{PACKAGES}/hotshoe_acme"
PAIR = f"{ACME_PROGRAM}/pair.py"
ACME_CONFIGURATION = f"{FOLDER}/acme.json"
ACME_CERTBOT = f"{FOLDER}/acme.ini"
ACME_CREDENTIALS = f"{FOLDER}/acme-dns.ini"
ACME_CA_BUNDLE = f"{FOLDER}/acme-ca.pem"
# The settings with which a certificate was obtained.
ACME_OBTAINED = f"{FOLDER}/acme.obtained"
ACME_FOLDER = f"{FOLDER}/acme"
ACME_STATE = "/var/lib/hotshoe-acme"
ACME_LOCK = f"{RECORDS}/acme.lock"

# What takes photos in from the cameras' folders.
INTAKE_PROGRAM = f"{PACKAGES}/hotshoe_intake"
INTAKE_CONFIGURATION = f"{FOLDER}/intake.json"

# The sessions that it wants to end, which hotshoe-sessions does for it.
ENDING = f"{RECORDS}/intake/ending"

# The cameras: their passwords, and a folder for each with these in it. What a camera stores begins
# in the first, and is moved into the second at once; from there it gets into the library, or into
# one of the last two if it broke off or if nothing tells whether it did.
PASSWORDS = f"{FOLDER}/cameras.pwd"
PAM_SERVICE = "hotshoe-vsftpd"
PAM = f"/etc/pam.d/{PAM_SERVICE}"
PHOTOS = "/srv/hotshoe"
UPLOAD = "upload"
ARRIVING = "arriving"
INCOMPLETE = "incomplete"
UNPROVEN = "unproven"
# No camera may have its name.
LIBRARY_NAME = "library"
LIBRARY = f"{PHOTOS}/{LIBRARY_NAME}"

# Photos on their way out of the library. What delivers them: the program, what it reads,
# the secrets that only root reads and systemd hands on, and what it keeps.
DELIVERY_PROGRAM = f"{PACKAGES}/hotshoe_delivery"
DELIVERY_CONFIGURATION = f"{FOLDER}/delivery.json"
DELIVERY_SECRETS = f"{FOLDER}/delivery-secrets.conf"
DELIVERY_STATE = "/var/lib/hotshoe-delivery"
LEDGER = f"{DELIVERY_STATE}/ledger.sqlite"
# The folder with the socket at which those who fetch ask what waits for them.
DELIVERY_ASKED = f"{RECORDS}/delivery"
DELIVERY_EXCHANGE = f"{DELIVERY_ASKED}/exchange"

# The server's own SSH for computers that fetch photos: its configuration, its host key, and the
# keys of those that may.
FETCH_CONFIGURATION = f"{FOLDER}/fetch-sshd.conf"
FETCH_HOST_KEY = f"{FOLDER}/fetch-host-key"
FETCH_KEYS = f"{FOLDER}/fetch-keys"
# What runs in the place of a shell for whoever logs in there.
FETCH_SESSION = "/usr/local/sbin/hotshoe-fetch-session"
# What this SSH sees of the host: a folder of empty ones, over which its unit lays what it needs.
FETCH_ROOT = f"{PACKAGES}/hotshoe-fetch"

# A computer that fetches: the program, what it reads, its key, and the server's host key.
FETCHER_PROGRAM = f"{PACKAGES}/hotshoe_fetch"
FETCHER_CONFIGURATION = f"{FOLDER}/fetcher.json"
FETCHER_KEY = f"{FOLDER}/fetcher-key"
FETCHER_KNOWN_HOSTS = f"{FOLDER}/fetcher-known-hosts"

# What tells the person's program of new photos: itself, what it reads, that program, its secret,
# and what it keeps.
MESSAGE_PROGRAM = f"{PACKAGES}/hotshoe_message"
MESSAGE_CONFIGURATION = f"{FOLDER}/message.json"
MESSAGE_RUNS = f"{FOLDER}/message"
MESSAGE_SECRET = f"{FOLDER}/message-secret"
MESSAGE_STATE = "/var/lib/hotshoe-message"
# Where systemd listens, and runs that program for each connection.
MESSAGE_ENTRANCE = f"{RECORDS}/message"

# The share of the library: Samba's configuration, who its user is on the host, and the password,
# which only root reads and the unit hands on. What else Samba keeps is in /run.
SHARE_CONFIGURATION = f"{FOLDER}/share.conf"
SHARE_USERS = f"{FOLDER}/share.users"
SHARE_PASSWORD = f"{FOLDER}/share.password"
SHARE_RUNTIME = "/run/hotshoe-share"
# What makes it known by Debian's avahi; and which units of Debian's were kept from starting when
# their packages came, or were started for it.
SHARE_ANNOUNCED = "/etc/avahi/services/hotshoe.service"
SHARE_KEPT_BACK = f"{FOLDER}/share.kept-back"
SHARE_STARTED = f"{FOLDER}/share.started"

# Which users the library's folder lets in for hotshoe; it may let in others for the person.
READERS = f"{FOLDER}/readers"

# A router.
SYSCTL = "/etc/sysctl.d/90-hotshoe.conf"
ROUTES = f"{FOLDER}/routes"
# The program that tells servers its WAN address.
WAN = "/usr/local/sbin/hotshoe-wan"
