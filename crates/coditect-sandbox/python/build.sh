#!/usr/bin/env bash
# Builds the Python interpreter of the WASM sandbox from pinned inputs:
#   python.wasm.zst  the component: CPython, started, with the standard library and pytest imported
#   pylib.zst        pure Python files that a program may still import, one after the other
#   python.lock      hashes of all sources and of both artefacts
# Needs python3 (3.9 or later) with venv and pip, zstd, tar. The test `wasm_artefact` compares the hashes.
set -euo pipefail
cd "$(dirname "$0")"

TOOLS="componentize-py==0.25.1 blake3==1.0.11"
GUEST="pytest==9.2.0 pluggy==1.7.0 iniconfig==2.3.1 packaging==26.3 pygments==2.21.0"
SOURCES="world.wit app.py hot.py parts.py runner.py build.sh bundle.py rehearsal/calc.py rehearsal/test_calc.py rehearsal/conftest.py rehearsal/test_plain.py"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
# shellcheck disable=SC2086 # one argument per pin
"$work/venv/bin/pip" install --quiet $TOOLS
# shellcheck disable=SC2086
"$work/venv/bin/pip" install --quiet --no-deps --no-compile --target "$work/site" $GUEST

# Of pygments only what pytest imports.
"$work/venv/bin/python" bundle.py trim "$work/site"
cp app.py hot.py parts.py runner.py "$work/site/"
cp -r rehearsal "$work/site/"
# Without a virtual environment in sight, `site` is the only folder of packages: the guest knows it as /0.
env -u VIRTUAL_ENV PYTHONHASHSEED=0 PATH="$work/venv/bin:$PATH" componentize-py --quiet -d world.wit -w python \
    componentize app -p "$work/site" -o "$work/python.wasm"
"$work/venv/bin/python" bundle.py strip "$work/python.wasm" "$work/stripped.wasm"
zstd -q --ultra -22 --long=26 -f "$work/stripped.wasm" -o python.wasm.zst

"$work/venv/bin/python" bundle.py stdlib "$work"/venv/lib/python3*/site-packages/componentize_py "$work/stdlib"
rm -r "$work/site/app.py" "$work/site/rehearsal"
"$work/venv/bin/python" bundle.py pack "$work/pylib" "python=$work/stdlib" "0=$work/site"
zstd -q -19 -f "$work/pylib" -o pylib.zst
"$work/venv/bin/python" bundle.py lock $TOOLS $GUEST -- $SOURCES python.wasm.zst pylib.zst > python.lock
ls -l python.wasm.zst pylib.zst
