#!/usr/bin/env bash
# bundles.sh: makes the updates of the tests, from the slot that was built, and the drive on which they reach the machine:
# target/image/bundles.img. A version with a marker; one whose daemon fails; one signed by somebody else; one for another kind of
# box; and half a bundle.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../image/settings.sh
. "$HERE/../../image/settings.sh"

if [ "${IN_TOOLS:-}" != 1 ]; then
    stamp="$(key "$WORK/virt/version" "$HERE/bundles.sh" "$IMAGE/steps/bundle")-$(stat -c %Y "$WORK/virt/root.img" "$WORK/virt/boot.img" | tr '\n' -)"
    [ "$(cat "$WORK/bundles.stamp" 2>/dev/null)" = "$stamp" ] && exit
    in_tools "$HERE/bundles.sh"
    printf '%s\n' "$stamp" >"$WORK/bundles.stamp"
    exit
fi

begin=$SECONDS
say "Updates for the tests"
out=/tmp/bundles
mkdir -p "$out" /tmp/update /tmp/broken /tmp/small
unsquashfs -quiet -no-progress -dest /tmp/root "$WORK/virt/root.img" >/dev/null
# Compressed fast: these slots are read once.
pack() { mksquashfs /tmp/root "$1" -quiet -no-progress -comp zstd -Xcompression-level 1 -b 256K; }
echo 'The version of the test' >/tmp/root/usr/lib/bandstand/marker
pack /tmp/update/root.img
# A daemon that ends at once, whatever it is asked.
printf '#!/bin/sh\nexit 1\n' >/tmp/root/usr/bin/bandstand
pack /tmp/broken/root.img
rm -rf /tmp/root
for one in update broken; do ln -s "$WORK/virt/boot.img" "/tmp/$one/boot.img"; done
VERSION=marker "$IMAGE/steps/bundle" virt "$out/update.raucb" /tmp/update
VERSION=broken "$IMAGE/steps/bundle" virt "$out/broken.raucb" /tmp/broken

# Those that are refused before a byte of them is used hold little.
head -c 1048576 /dev/urandom >/tmp/small/root.img
head -c 1048576 /dev/urandom >/tmp/small/boot.img
COMPATIBLE=bandstand-another "$IMAGE/steps/bundle" virt "$out/compatible.raucb" /tmp/small
"$IMAGE/steps/keys" /tmp/keys
KEYS=/tmp/keys "$IMAGE/steps/bundle" virt "$out/signature.raucb" /tmp/small
head -c $(($(stat -c %s "$out/update.raucb") / 2)) "$out/update.raucb" >"$out/truncated.raucb"

rm -f "$WORK/bundles.img"
# With the blocks of the file system in place, which is mounted read only.
mkfs.ext4 -q -O ^has_journal -d "$out" "$WORK/bundles.img" 1200M
done_in "$begin" "updates for the tests"
