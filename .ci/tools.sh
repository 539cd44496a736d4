#!/bin/sh
# Installs the programs some tests want (a browser, Node, strace) where that needs no question:
# as root, or with a sudo that asks for no password, on a system with apt-get.
# Never fails and never prompts. What stays missing is named here, and its tests are skipped, visibly.
# NO_TOOLS=1 leaves the machine alone.
set -u

has_chromium() {
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}

missing() {
    has_chromium || echo chromium
    command -v node >/dev/null || echo nodejs
    command -v strace >/dev/null || echo strace
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get -qq update </dev/null || return
    # One by one: a package that cannot be had must not keep out the others.
    for package in "$@"; do
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -qq install --yes --no-install-recommends "$package" </dev/null
    done
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0

if [ -z "${NO_TOOLS:-}" ] && command -v apt-get >/dev/null && as_root true 2>/dev/null; then
    echo "Installing for the tests:" $wanted "…"
    # shellcheck disable=SC2086 # one word per package
    install $wanted >/dev/null || echo "The system's package manager did not help." >&2
fi

for package in $(missing); do
    echo "Not here: $package. The tests that need it are skipped." >&2
done
exit 0
