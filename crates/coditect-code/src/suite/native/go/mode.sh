# Finds out how the packages that a project imports can be had, and keeps the answer: as modules, or, where those are
# not on this machine, as sources below GOPATH, the way Debian installs them.
# Arguments: those of `go list`.
[ -f /cache/mode ] && exit 0
path=
[ -f go.mod ] && path=$(sed -n 's/^module[[:space:]]*"\{0,1\}\([^"[:space:]]*\).*/\1/p' go.mod | head -n 1)
[ -z "$path" ] && [ -f debian/control ] &&
    path=$(sed -n 's/^XS-Go-Import-Path:[[:space:]]*\([^,[:space:]]*\).*/\1/p' debian/control | head -n 1)
case /$path/ in */../* | */./* | //) path=project ;; esac
place=/cache/gopath/src/$path
mkdir -p "$(dirname "$place")" && ln -sfn "$PWD" "$place"
listed_below_gopath() (
    export GO111MODULE=off GOPATH="/cache/gopath:$GOPATH"
    cd "$place" && go list -deps -test "$@" >/dev/null 2>&1
)
if [ "$(go env GOMOD)" = /dev/null ] && [ -z "$(go env GOWORK)" ]; then
    echo "$place" >/cache/mode
elif ! go list -deps -test "$@" >/dev/null 2>&1 && listed_below_gopath "$@"; then
    echo "$place" >/cache/mode
else
    echo modules >/cache/mode
fi
