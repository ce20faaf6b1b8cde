"""Where things are on an OpenWrt router. Roles, templates and tests take them from here."""

FOLDER = "/etc/hotshoe"
# The files as they were, while a change is not confirmed.
PENDING = f"{FOLDER}/pending"
# What a change in progress needs, in RAM.
WORK = "/var/run/hotshoe"

# The service that rolls back, its link that runs it at boot, and what a firmware upgrade keeps.
INIT = "/etc/init.d/hotshoe"
ENABLED = "/etc/rc.d/S11hotshoe"
KEEP = "/lib/upgrade/keep.d/hotshoe"
# What netifd's hotplug calls run after an interface came up; fw4's own is 20-firewall.
HOTPLUG = "/etc/hotplug.d/iface/95-hotshoe"
WAN_PID = "/var/run/hotshoe-wan.pid"

# What ddns-scripts reads to send an update; the program that sends it; what curl reads, the secret.
UPDATE_SCRIPT = f"{FOLDER}/update_script.sh"
UPDATE_RECORD = f"{FOLDER}/update-record"
RECORD_CONFIGURATION = f"{FOLDER}/record.conf"
