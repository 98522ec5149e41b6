#!/bin/sh
# Compiles falcon_vtep.p4 into compiled/: BMv2 JSON, P4Runtime's p4info, and a manifest with the
# compiler's version and the sha256 of every source and output, by which a test sees stale outputs.
# P4C names the compiler (default: p4c-bm2-ss, part of p4c). OUT names another output directory.
set -eu
cd "$(dirname "$0")"

compiler=${P4C:-p4c-bm2-ss}
out=${OUT:-compiled}
program=falcon_vtep

if ! command -v "$compiler" >/dev/null; then
    echo "p4/compile.sh: $compiler: not found; expected p4c (https://github.com/p4lang/p4c) on the PATH" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Relative names only: the compiler writes the names it was given into the JSON.
"$compiler" --arch v1model --p4runtime-files "$work/$program.p4info.txtpb" \
    -o "$work/$program.json" "$program.p4" 2>"$work/messages" || { cat "$work/messages" >&2; exit 1; }

# Warnings are errors, but for one that nothing can silence: BMv2 has no default action for tables
# with an action selector, and p4c gives underlay_route an implicit one.
if grep -e '\[--W' "$work/messages" | grep -v 'default_action for .*underlay_route' >&2; then
    echo "p4/compile.sh: p4c warns; expected none" >&2
    exit 1
fi

digests() {
    sha256sum "$@" | sed -e 's/^\([0-9a-f]*\)  \(.*\)$/    "\2": "\1",/' -e '$ s/,$//'
}
{
    echo '{'
    echo "  \"p4c\": \"$("$compiler" --version 2>&1 | sed -n 's/^Version //p')\","
    echo '  "sources": {'
    LC_ALL=C digests "$program.p4" include/*.p4
    echo '  },'
    echo '  "outputs": {'
    (cd "$work" && digests "$program.json" "$program.p4info.txtpb")
    echo '  }'
    echo '}'
} >"$work/manifest.json"

mkdir -p "$out"
mv "$work/$program.json" "$work/$program.p4info.txtpb" "$work/manifest.json" "$out/"
