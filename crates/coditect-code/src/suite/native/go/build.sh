# Runs a command of `go` that builds test programs, the way `mode.sh` found out.
# Arguments: where they are kept, and the command.
CODITECT_KEPT=/cache/tests/$1
export CODITECT_KEPT
shift
rm -rf "$CODITECT_KEPT" /cache/tmp
mkdir -p "$CODITECT_KEPT" /cache/tmp
export GOTMPDIR=/cache/tmp
mode=$(cat /cache/mode)
if [ "$mode" != modules ]; then
    export GO111MODULE=off GOPATH="/cache/gopath:$GOPATH"
    cd "$mode" || exit 1
fi
exec "$@"
