#!/bin/sh
# Install the named system packages where root allows; otherwise leave it to `topo`, which names what
# is missing together with the package that brings it. With SERVICES=off, servers among them are
# neither started nor started at boot: tests start their own, inside namespaces.
set -eu

missing=""
for package in "$@"; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] ||
        missing="$missing $package"
done
# Debian and Ubuntu call it python3; the commands of the README say python.
command -v python >/dev/null || missing="$missing python-is-python3"
if [ -z "$missing" ] || ! command -v apt-get >/dev/null; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "not root: leaving out the system packages$missing" >&2
    exit 0
fi
echo "installing system packages:$missing"
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d # asked before a service is started [Debian Policy, 9.3.3.2]
if [ "${SERVICES:-on}" = off ] && [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
# A list of packages that is too old names files that are gone: fetch it only when it turns out so.
# shellcheck disable=SC2086  # the list is meant to be split
apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
if [ "${SERVICES:-on}" = off ] && command -v systemctl >/dev/null; then
    for package in $missing; do
        systemctl disable --quiet "$package" >/dev/null 2>&1 || true # most are no services
    done
fi
