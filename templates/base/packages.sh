# Install Debian packages: sh -c "$(cat)" NAME PACKAGE…
# What the network refuses is asked for again, after ever longer pauses, for some minutes.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
newline="
"

# A killed run may have left dpkg half way. (Its apt, if still at work, is waited for by the caller;
# that of others, such as unattended upgrades, below.)
dpkg --force-confold --configure -a

apt() {
    # Its own pauses between attempts have hung for minutes (seen with 2.6).
    apt-get -qq -o Acquire::Retries=1 -o Acquire::Retries::Delay=false \
        -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@" 2>&1
}

# Translations of what packages are about are not fetched; the ones that the host has stay. Without
# Error-Mode, apt would go on with no lists and exit 0.
update() {
    apt -o Acquire::Languages=none -o APT::Get::List-Cleanup=false \
        -o APT::Update::Error-Mode=any update
}

install() { apt install --yes --no-install-recommends "$@"; }

for pause in 3 6 12 24 48 last; do
    if said=$(update); then fresh=yes said=; else fresh=; fi
    case $fresh$pause in
        3 | 6) ;;
        *) # Whoever has not answered three times may be a mirror that is not needed.
            if more=$(install "$@"); then
                printf '%s\n' "$more"
                exit 0
            fi
            said=$said${said:+"$newline"}$more
            ;;
    esac
    # With everything downloaded, or with a package that no mirror has, the network is not to blame.
    if [ "$fresh" ] && ! install --print-uris "$@" | grep -q "^'"; then break; fi
    [ "$pause" = last ] || sleep "$pause"
done
printf '%s\n' "$said" >&2
if [ "$pause" = last ]; then
    echo "six attempts to download $* failed: check this host's connection to the Internet, its" \
        "DNS and the mirrors in /etc/apt/sources.list*, then deploy again" >&2
fi
exit 1
