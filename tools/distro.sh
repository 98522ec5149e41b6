#!/bin/sh
# Run both commands of the README in fresh Debian systems, as root, from a clone of this checkout.
#
#   sh tools/distro.sh [RELEASE ...]     bookworm (Debian 12), trixie (Debian 13); both by default
#
# Each system is debootstrapped into a folder of its own (DISTRO_DIR, default /var/tmp; 4 GB) and becomes
# the root of namespaces of its own (mount, pid): when its commands have ended, the kernel removes its
# mounts and ends its processes. Packages come from where this machine gets its own: its settings of
# apt, pip, proxies and certificates are copied. Output goes to results/distro/RELEASE.log.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)

# --- in the new system's namespaces: become its root and run the commands ---------------------------
if [ "${1:-}" = --inside ]; then
    system=$2
    mount --bind "$system" "$system"
    mount -t proc proc "$system/proc"
    mount --rbind /sys "$system/sys"
    mount --rbind /dev "$system/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$system/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$system/run"
    mkdir -p "$system/before"
    cd "$system"
    pivot_root . before
    umount -l /before
    cd /root/falcon-testbed
    # Not by exec: process 1 of the namespace also has to reap what its children leave behind.
    sh -euc '
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends make python3 python3-venv >/dev/null
        . /etc/os-release
        echo "== $PRETTY_NAME, $(python3 --version)"
        echo "== make topo && python -m falcon_ctl"
        make topo
        python -m falcon_ctl
        make down
        echo "== make test"
        make test
    ' </dev/null
    exit
fi

# --- on this machine ------------------------------------------------------------------------------
[ "$(id -u)" -eq 0 ] || { echo "distro.sh: needs root, to make a Debian system" >&2; exit 2; }
command -v debootstrap >/dev/null || sh "$here/tools/system.sh" debootstrap

build() { # RELEASE SYSTEM
    debootstrap --variant=minbase --include=ca-certificates "$1" "$2" ${MIRROR:+"$MIRROR"} || return
    for path in /etc/apt/apt.conf.d /etc/pip.conf /etc/xdg/pip /etc/resolv.conf /etc/hosts \
        /etc/ssl/certs/ca-certificates.crt; do
        if [ -e "$path" ]; then
            mkdir -p "$2$(dirname "$path")"
            cp -RL "$path" "$2$(dirname "$path")"
        fi
    done
    git clone -q --no-hardlinks "$here" "$2/root/falcon-testbed"
}

run() { # SYSTEM
    # shellcheck disable=SC2046  # one word for each variable
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        $(env | grep -iE '^(pip_(cert|index_url|extra_index_url|default_timeout)|[a-z]+_proxy|ssl_cert_[a-z]+)=') \
        unshare --mount --pid --fork --kill-child --propagation private sh "$0" --inside "$1"
}

folder=$(mktemp -d "${DISTRO_DIR:-/var/tmp}/falcon-distro-XXXXXX")
trap 'rm -rf --one-file-system "$folder"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$here/results/distro"
failed=0
# shellcheck disable=SC2068  # names of releases hold no blanks
for name in ${@:-bookworm trixie}; do
    log="$here/results/distro/$name.log"
    echo "$name: output in $log"
    if build "$name" "$folder/$name" >"$log" 2>&1 && run "$folder/$name" >>"$log" 2>&1; then
        echo "$name: both commands work"
    else
        echo "$name: failed, after:"
        tail -n 20 "$log"
        failed=1
    fi
    rm -rf --one-file-system "${folder:?}/$name"
done
exit $failed
