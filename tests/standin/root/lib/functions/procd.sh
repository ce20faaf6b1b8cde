# Just enough of procd for a service that is one command: it is started, and not watched.

procd_open_instance() { procd_instance=${1:-instance1} procd_command= procd_stderr=; }
procd_set_param() {
	[ "$1" = command ] || return 0
	shift
	procd_command=
	for word; do procd_append_param command "$word"; done
}
procd_append_param() {
	[ "$1" = command ] || return 0
	shift
	for word; do
		procd_command="$procd_command '$(printf %s "$word" | sed "s/'/'\\\\''/g")'"
	done
}
procd_close_instance() {
	local pidfile=/var/run/procd-$name-$procd_instance.pid
	eval "set -- $procd_command"
	[ $# -eq 0 ] || {
		local program=$(which "$1")
		shift
		start-stop-daemon -S -b -m -p "$pidfile" -x "$program" -- "$@"
	}
}
procd_kill() {
	local pidfile
	for pidfile in /var/run/procd-$1-*.pid; do
		[ ! -e "$pidfile" ] || { kill "$(cat "$pidfile")" 2>/dev/null; rm -f "$pidfile"; }
	done
}
procd_running() {
	local pidfile
	for pidfile in /var/run/procd-$1-*.pid; do
		[ -e "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null && return 0
	done
	return 1
}
procd_add_reload_trigger() { return 0; }
procd_add_reload_interface_trigger() { return 0; }
procd_add_interface_trigger() { return 0; }
