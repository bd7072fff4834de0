#!/usr/bin/env bash
# bundles.sh [abuse]: makes the updates of the tests, from the slot that was built. In target/image/bundles are those that the page
# gets: a version with a marker, one whose daemon fails, one signed by somebody else; on the drive target/image/bundles.img
# those that RAUC is given by hand: the first and the last one, one for another kind of box, and half a bundle. `abuse` makes versions that
# do not start: one whose kernel is none, one whose first program ends, which is a panic, one that cannot mount /data, and one that hangs
# when it is up.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../image/settings.sh
. "$HERE/../../image/settings.sh"

if [ "${IN_TOOLS:-}" != 1 ]; then
    stamp="$(key "$WORK/virt/version" "$HERE/bundles.sh" "$IMAGE/steps/bundle")-$(stat -c %Y "$WORK/virt/root.img" "$WORK/virt/boot.img" | tr '\n' -)"
    for what in usual ${1:+"$1"}; do
        [ "$(cat "$WORK/bundles/$what.stamp" 2>/dev/null)" = "$stamp" ] && continue
        [ "$what" != usual ] || rm -rf "$WORK/bundles" "$WORK/bundles.img"
        mkdir -p "$WORK/bundles"
        in_tools "$HERE/bundles.sh" "$what"
        printf '%s\n' "$stamp" >"$WORK/bundles/$what.stamp"
    done
    exit
fi

begin=$SECONDS
say "Updates for the tests ($1)"
out=$WORK/bundles
# bundle NAME FOLDER [VARIABLE=VALUE…]: signs one.
bundle() {
    local name=$1 folder=$2
    shift 2
    env VERSION="$name" "$@" "$IMAGE/steps/bundle" virt "$out/$name.raucb" "$folder"
}
# slot NAME: a slot of /tmp/root, compressed fast, since it is read once; with the boot partition that was built.
slot() {
    mkdir -p "/tmp/$1"
    mksquashfs /tmp/root "/tmp/$1/root.img" -quiet -no-progress -comp zstd -Xcompression-level 1 -b 256K
    [ -e "/tmp/$1/boot.img" ] || ln -s "$WORK/virt/boot.img" "/tmp/$1/boot.img"
}
unsquashfs -quiet -no-progress -dest /tmp/root "$WORK/virt/root.img" >/dev/null

if [ "$1" = abuse ]; then
    mkdir -p /tmp/kernel
    ln -s "$WORK/virt/root.img" /tmp/kernel/root.img
    cp "$WORK/virt/boot.img" /tmp/kernel/boot.img
    head -c 1048576 /dev/urandom >/tmp/noise
    mdel -i /tmp/kernel/boot.img ::kernel8.img
    mcopy -i /tmp/kernel/boot.img /tmp/noise ::kernel8.img
    bundle kernel /tmp/kernel
    # The first program is the one that feeds the watchdog: when it hangs, everything does, and nothing says so.
    mv /tmp/root/usr/lib/bandstand/trial /tmp/trial
    printf '#!/bin/sh\nuntil systemctl is-active --quiet bandstand; do sleep 1; done\nsync\nkill -SEGV 1\nsleep 9999\n' >/tmp/root/usr/lib/bandstand/trial
    chmod 755 /tmp/root/usr/lib/bandstand/trial
    slot hang
    bundle hang /tmp/hang
    mv /tmp/trial /tmp/root/usr/lib/bandstand/trial
    # A mount that fails leads to systemd's emergency mode, before anything of ours has started.
    cp -p /tmp/root/etc/fstab /tmp/fstab
    sed -i 's| /data ext4 | /data ext4 nonsense,|' /tmp/root/etc/fstab
    grep -q nonsense /tmp/root/etc/fstab || fail "The image's fstab has another line of /data."
    slot emergency
    bundle emergency /tmp/emergency
    cp -p /tmp/fstab /tmp/root/etc/fstab
    rm /tmp/root/usr/lib/systemd/systemd
    printf '#!/bin/sh\nexit 1\n' >/tmp/root/usr/lib/systemd/systemd
    chmod 755 /tmp/root/usr/lib/systemd/systemd
    slot init
    bundle init /tmp/init
    done_in "$begin" "updates for the tests of abuse"
    exit
fi

echo 'The version of the test' >/tmp/root/usr/lib/bandstand/marker
slot update
bundle update /tmp/update VERSION=marker
# A daemon that ends at once, whatever it is asked.
printf '#!/bin/sh\nexit 1\n' >/tmp/root/usr/bin/bandstand
slot broken
bundle broken /tmp/broken
rm -rf /tmp/root

# Those that are refused before a byte of them is used hold little.
mkdir -p /tmp/small /tmp/drive
head -c 1048576 /dev/urandom >/tmp/small/root.img
head -c 1048576 /dev/urandom >/tmp/small/boot.img
"$IMAGE/steps/keys" /tmp/keys
bundle signature /tmp/small KEYS=/tmp/keys
bundle compatible /tmp/small COMPATIBLE=bandstand-another
mv "$out/compatible.raucb" /tmp/drive/
cp "$out/signature.raucb" "$out/update.raucb" /tmp/drive/
head -c $(($(stat -c %s "$out/update.raucb") / 2)) "$out/update.raucb" >/tmp/drive/truncated.raucb
# With the blocks of the file system in place, which is mounted read only.
mkfs.ext4 -q -O ^has_journal -d /tmp/drive "$WORK/bundles.img" 700M
done_in "$begin" "updates for the tests"
