# shellcheck shell=bash disable=SC2154
# What ./run, ./test and ./bench share: the toolchain, Debian packages, Python environments.
# Sourced with $root set to the checkout.

say() { printf '%s\n' "$*" >&2; }

# Without Swift there is nothing to build with; say in one line how to get it.
require_swift() {
    command -v swift >/dev/null 2>&1 && return
    say "Sallyport needs Swift 6.3: install it for Debian 12 as https://www.swift.org/install/linux/ says, put its usr/bin on PATH and run this again."
    exit 69
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else
        command -v sudo >/dev/null 2>&1 || { say "This needs root and there is no sudo: run as root: $*"; exit 77; }
        sudo "$@"
    fi
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# install_packages USE…: installs what Scripts/packages lists for these uses and the machine lacks.
install_packages() {
    local use package why missing=() wanted=" $* "
    while read -r use package why; do
        case "$use" in ''|'#'*) continue ;; esac
        [[ $wanted == *" $use "* ]] || continue
        installed "$package" && continue
        [[ " ${missing[*]-} " == *" $package "* ]] && continue
        [ ${#missing[@]} -gt 0 ] || say "Installing Debian packages that are missing here:"
        say "  $package: $why"
        missing+=("$package")
    done < "$root/Scripts/packages"
    [ ${#missing[@]} -gt 0 ] || return 0
    local log
    log=$(mktemp)
    if ! { as_root apt-get update &&
           as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
           >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        say "apt-get could not install: ${missing[*]} (the whole log: $log)"
        exit 69
    fi
    rm -f "$log"
}

# python_environment NAME REQUIREMENTS: .venv-NAME holds exactly these pins; made again when they change.
python_environment() {
    local directory="$root/.venv-$1" requirements="$2"
    cmp -s "$requirements" "$directory/requirements.stamp" && return
    say "Preparing the Python environment .venv-$1 from ${requirements#"$root"/}"
    rm -rf "$directory"
    /usr/bin/python3 -m venv "$directory"
    local log="$directory/pip.log" careless=""
    # Some packages ask for a newer Python than they need; their file says so.
    if grep -q '^# pip: ignore-requires-python$' "$requirements"; then careless=1; fi
    if ! PIP_IGNORE_REQUIRES_PYTHON=$careless "$directory/bin/python" -m pip install --no-input -r "$requirements" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        say "pip could not install ${requirements#"$root"/}"
        exit 69
    fi
    cp "$requirements" "$directory/requirements.stamp"
}

# build_release: leaves the release binary in $binary. Does nothing when no source is newer than the last build.
build_release() {
    local scratch="$root/.build-release"
    binary="$scratch/release/sallyport"
    local stamp="$scratch/built.stamp"
    if [ -x "$binary" ] && [ -e "$stamp" ] &&
        [ -z "$(find "$root/Package.swift" "$root/Sources" -newer "$stamp" -print -quit)" ]; then
        return
    fi
    mkdir -p "$scratch"
    touch "$stamp.new"
    say "Building Sallyport (release); the first time takes some minutes."
    local log="$scratch/build.log"
    if ! swift build --package-path "$root" --scratch-path "$scratch" -c release --product sallyport \
        --static-swift-stdlib >"$log" 2>&1; then
        grep -E 'error|warning: unre' "$log" | sort -u | head -n 40 >&2
        say "The build failed; the whole log: $log"
        exit 70
    fi
    mv "$stamp.new" "$stamp"
}

# build_verification: leaves the benchmark of Benchmarks/Verification in $verification. The package has it only when asked,
# so that nobody else builds it.
build_verification() {
    local scratch="$root/.build-release"
    # shellcheck disable=SC2034 # for ./bench
    verification="$scratch/release/verification"
    say "Building the benchmark of bearer verification (release)."
    SALLYPORT_BENCHMARKS=1 swift build --package-path "$root" --scratch-path "$scratch" -c release \
        --product verification --static-swift-stdlib >"$scratch/benchmark.log" 2>&1 && return
    grep error "$scratch/benchmark.log" | sort -u | head -n 40 >&2
    say "The build failed; the whole log: $scratch/benchmark.log"
    exit 70
}
