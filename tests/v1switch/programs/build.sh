#!/bin/sh
# Compiles the test programs beside this script into compiled/ and records what was compiled.
set -eu
cd "$(dirname "$0")"
for source in *.p4; do
    name=${source%.p4}
    p4c --target bmv2 --arch v1model -o compiled \
        --p4runtime-files "compiled/$name.p4info.txtpb" "$source"
    rm "compiled/$name.p4i"
done
python3 mend.py compiled
sha256sum -- *.p4 mend.py > compiled/SHA256SUMS
p4c --version > compiled/P4C_VERSION
