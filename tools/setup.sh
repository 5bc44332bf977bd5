#!/bin/sh
# Makes what `make` needs, where it is not current: tools/setup.sh [python] [app] [web]
#   python  .venv with everything in requirements.lock, and the compiled kernels
#   app     app/node_modules with everything in app/package-lock.json
#   web     app/dist, the exported web app
# A mark beside each product holds a checksum of what it was made from, so that a second start costs
# a fraction of a second and a change of branch is noticed whatever the file times say.
set -eu
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9
NODE_MIN=20

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

# Checksum of the contents and names of files; missing ones count as empty.
sum_of() { for f in "$@"; do echo "$f"; cat "$f" 2>/dev/null || true; done | cksum; }

is_current() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

find_python() {
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  fail "Python 3.11 or newer is missing. On Debian: apt-get install python3 python3-venv."
}

setup_python() {
  setup_venv
  setup_kernels
}

setup_venv() {
  wanted="$(sum_of requirements.lock pyproject.toml) $(pwd)"
  mark=.venv/.made-from
  if is_current "$mark" "$wanted"; then return; fi
  if ! .venv/bin/python -c '' 2>/dev/null; then
    python="$(find_python)"
    say "making .venv with $("$python" -V)"
    rm -rf .venv
    "$python" -m venv .venv ||
      fail "no virtual environment could be made. On Debian: apt-get install python3-venv."
  fi
  say "installing requirements.lock"
  if ! install_with_uv; then
    say "uv did not work here: using pip, which takes longer"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
      -r requirements.lock || fail "the packages of requirements.lock could not be installed."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
      --no-build-isolation --editable . ||
      fail "OPTIX itself could not be installed into .venv."
  fi
  only_a_path
  echo "$wanted" >"$mark"
}

# The editable install puts an import finder before PYTHONPATH, and tests of a copy of this tree would
# get the checkout. The line of the path is all that is needed.
only_a_path() {
  for file in .venv/lib/python*/site-packages/_editable_skbc_optix.pth; do
    if [ -f "$file" ]; then echo "$(pwd)/src" >"$file"; fi
  done
}

install_with_uv() {
  .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" || return 1
  # Like pip, uv takes the machine's own certificates.
  UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1
  export UV_SYSTEM_CERTS UV_NATIVE_TLS
  .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes \
    -r requirements.lock || return 1
  .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps \
    --no-build-isolation --editable . || return 1
}

# The kernels of optix.quant, the stream's fan-out and the alerts' crossings are compiled into src,
# beside the code that uses them, with the tools of the lock. Without a C++ compiler OPTIX computes
# with NumPy, fans out and compares in Python: slower, and `optix doctor` says so.
setup_kernels() {
  wanted="$(sum_of CMakeLists.txt src/optix/*/native/* src/optix/*/*/native/* \
    src/optix/*/*/*/native/*) $(.venv/bin/python -V) $(pwd)"
  mark=.venv/.kernels-made-from
  if is_current "$mark" "$wanted" && [ -n "$(ls src/optix/quant/_native.*.so 2>/dev/null)" ]; then return; fi
  rm -f src/optix/quant/_native.*.so src/optix/platform/fanout/_*.so src/optix/features/*/*/_*.so
  log=build/kernels.log
  mkdir -p build
  say "compiling the kernels (about half a minute)"
  if compile_kernels >"$log" 2>&1; then
    echo "$wanted" >"$mark"
  else
    say "they could not be compiled ($log says why): computing in Python, which is slower."
    say "On Debian: apt-get install g++. On macOS: xcode-select --install."
    rm -f "$mark"
  fi
}

compile_kernels() {
  PATH="$(pwd)/.venv/bin:$PATH" .venv/bin/cmake -S . -B build/kernels -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DPython_EXECUTABLE="$(pwd)/.venv/bin/python" &&
    .venv/bin/cmake --build build/kernels &&
    .venv/bin/cmake --install build/kernels --prefix src --strip
}

have_node() {
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
    [ "$(node -p 'process.versions.node.split(".")[0]')" -ge "$NODE_MIN" ]
}

need_node() {
  have_node || fail "Node $NODE_MIN or newer with npm is missing (nodejs.org)."
}

setup_app() {
  [ -f app/package.json ] || return 0
  wanted="$(sum_of app/package.json app/package-lock.json)"
  mark=app/node_modules/.made-from
  if is_current "$mark" "$wanted"; then return; fi
  need_node
  say "installing the app's packages (about a minute the first time)"
  (cd app && npm ci --no-audit --no-fund --loglevel=error) ||
    fail "npm ci failed: the lines above say why."
  echo "$wanted" >"$mark"
}

# What goes into the web export: everything of the app but tests and what is made.
web_sources() {
  find app \( -name node_modules -o -name dist -o -name .expo -o -name e2e -o -name test-results \
    -o -name playwright-report -o -name coverage \) -prune -o \
    -type f ! -name '*.test.ts' ! -name '*.test.tsx' ! -name '*.md' ! -name 'expo-env.d.ts' \
    -print | LC_ALL=C sort
}

setup_web() {
  [ -f app/package.json ] || return 0
  wanted="$(web_sources | while IFS= read -r f; do echo "$f"; cat "$f"; done | cksum)"
  mark=app/node_modules/.web-made-from
  if [ -f app/dist/index.html ] && is_current "$mark" "$wanted"; then return; fi
  need_node
  say "building the web app (about a minute the first time)"
  (cd app && EXPO_NO_TELEMETRY=1 EXPO_OFFLINE=1 CI=1 npm run --silent build) ||
    fail "the web app could not be built: the lines above say why."
  [ -f app/dist/index.html ] || fail "the build left no app/dist/index.html."
  echo "$wanted" >"$mark"
}

for part in "$@"; do
  case "$part" in
    python) setup_python ;;
    app) setup_app ;;
    web) setup_web ;;
    *) fail "there is no part $part" ;;
  esac
done
