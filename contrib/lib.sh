# What quickstart, check and .ci/run share. Sourced by bash with `set -eu`; $top is the repository and
# $log the file that apt's words go to.
# shellcheck shell=bash
: "${top:?}" "${log:?}"

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# The packages of these sections of contrib/packages, each once.
packages() {
    local section
    for section; do
        awk -v s="$section" '$1 == s { print $2 }' "$top/contrib/packages"
    done | sort -u
}

packages_missing() {
    local package status
    for package in $(packages "$@"); do
        status=$(dpkg-query -W -f "\${db:Status-Status}" "$package" 2>/dev/null) || status=none
        [ "$status" = installed ] || printf '%s\n' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_lists() {
    as_root apt-get -q -q update >>"$log" 2>&1
}

apt_install() {
    as_root "$top/contrib/apt-install" "$@" >>"$log" 2>&1
}

# Installs what is missing of these sections, and does nothing when nothing is.
packages_install() {
    local missing
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        die "this is not Debian: install what contrib/packages lists, then build as README.md says"
    fi
    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        die "missing, and there is no sudo; as root: apt-get install ${missing[*]}"
    fi
    echo "installing ${missing[*]}"
    # A fresh machine has no package lists, and an old one's name files that the mirror has no more.
    apt-cache show "${missing[@]}" >/dev/null 2>&1 || apt_lists ||
        die "apt-get update failed, see $log"
    apt_install "${missing[@]}" || { apt_lists && apt_install "${missing[@]}"; } ||
        die "apt-get could not install them, see $log"
}

# Makes ./configure when it is not there or older than what it is made of.
configure_make() {
    if [ ! -x "$top/configure" ] || [ "$top/configure.ac" -nt "$top/configure" ] ||
        [ "$top/Makefile.am" -nt "$top/Makefile.in" ]; then
        (cd "$top" && autoreconf -fi)
    fi
}

# configure_in DIR OPTIONS...: configures a build directory, or leaves it when it is newer than configure.
configure_in() {
    local dir=$1
    shift
    if [ -f "$top/config.status" ]; then
        echo "this tree was configured in place, so no other build can be made of it: make distclean"
        return 1
    fi
    mkdir -p "$dir"
    [ "$dir/config.status" -nt "$top/configure" ] || (cd "$dir" && "$top/configure" -q "$@")
}
