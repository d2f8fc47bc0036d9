# Stands in for the run of a test program: keeps it, and says where, and how `go test` would have started it.
kept=$CODITECT_KEPT/$(basename "$1").$$
ln "$1" "$kept" 2>/dev/null || cp "$1" "$kept" || exit 1
printf 'coditect-test\t%s\t%s\t%s' "$(pwd -P)" "$PWD" "$kept"
shift
for word; do printf '\t%s' "$word"; done
printf '\n'
