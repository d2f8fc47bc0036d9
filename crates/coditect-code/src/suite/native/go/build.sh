# Runs a command of `go` that builds test programs, the way `mode.sh` found out.
rm -rf /cache/tests /cache/tmp
mkdir -p /cache/tests /cache/tmp
export GOTMPDIR=/cache/tmp
mode=$(cat /cache/mode)
if [ "$mode" != modules ]; then
    export GO111MODULE=off GOPATH="/cache/gopath:$GOPATH"
    cd "$mode" || exit 1
fi
exec "$@"
