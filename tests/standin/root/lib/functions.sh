# What scripts read configurations with; the variables are those of the real one.

config_load() { eval "$(/usr/lib/standin/uci-shell "$1")"; }

config_get() {
	case "$3" in
	"") eval "echo \"\${CONFIG_${1}_${2}:-\$4}\"" ;;
	*) eval "$1=\${CONFIG_${2}_${3}:-\$4}" ;;
	esac
}

config_get_bool() {
	local value
	config_get value "$2" "$3" "$4"
	case "$value" in
	1 | on | true | yes | enabled) value=1 ;;
	0 | off | false | no | disabled) value=0 ;;
	*) value=$4 ;;
	esac
	eval "$1=\$value"
}

config_foreach() {
	local function=$1 kind=$2 section type
	shift 2
	for section in $CONFIG_SECTIONS; do
		config_get type "$section" TYPE
		[ -n "$kind" ] && [ "$type" != "$kind" ] || "$function" "$section" "$@"
	done
}
