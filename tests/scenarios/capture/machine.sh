#!/usr/bin/env bash
# machine.sh KERNEL PROGRAM FOLDER: boots Debian's own kernel, unpacked at KERNEL, in a virtual machine whose disk is this
# machine's, read only; runs the test PROGRAM there in FOLDER, and ends as it ended.
set -uo pipefail
# Where Debian keeps what loads modules, which is on root's path alone.
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd) || exit 1
kernel=$1 program=$2 folder=$3
# By processors that help, and by those that do not.
LIMIT_S=${LIMIT_S:-90}
SLOW_LIMIT_S=${SLOW_LIMIT_S:-300}
# A kernel that has said nothing for so long does not run: some processors offer help that does not reach.
SILENT_S=8

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# Debian 13 has its modules below usr.
[ -e "$kernel/lib/modules" ] || ln -sfn usr/lib "$kernel/lib"
release=$(basename "$(echo "$kernel"/lib/modules/*)")
depmod -b "$kernel" "$release" || exit 1

# What the kernel needs to reach the disk, and to keep what is written to it in memory.
mkdir -p "$work/root"/{bin,modules,dev,proc,sys,disk,memory,new}
cp "$(command -v busybox)" "$work/root/bin/busybox" || exit 1
n=100
for module in virtio_pci 9p 9pnet_virtio overlay; do
    modprobe -d "$kernel" -S "$release" --show-depends "$module" | awk '{ print $2 }'
done | awk '!seen[$0]++' | while read -r file; do
    n=$((n + 1))
    cp "$file" "$work/root/modules/$n-$(basename "$file")"
done
{
    printf 'KERNEL=%q\nPROGRAM=%q\nFOLDER=%q\n' "$kernel" "$program" "$folder"
    printf 'export GST_REGISTRY=%q BANDSTAND_STAGES=1\n' "$(dirname "$kernel")/registry.bin"
    [ -n "${CARGO_TARGET_DIR:-}" ] && printf 'export CARGO_TARGET_DIR=%q\n' "$CARGO_TARGET_DIR"
} >"$work/root/job"
cat >"$work/root/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
echo guest-begins
for module in /modules/*; do insmod "\$module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 disk /disk || poweroff -f
mount -t tmpfs memory /memory
mkdir /memory/changes /memory/work
mount -t overlay -o lowerdir=/disk,upperdir=/memory/changes,workdir=/memory/work new /new
for one in dev proc sys; do mount --move /\$one /new/\$one; done
ln -s /proc/self/fd /new/dev/fd; mkdir -p /new/dev/shm; mount -t tmpfs shm /new/dev/shm
mount -t tmpfs run /new/run; mkdir /new/run/capture; cp /job /new/run/capture/job
chroot /new /bin/bash "$here/guest.sh"
poweroff -f
INIT
chmod +x "$work/root/init"
(cd "$work/root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initramfs" || exit 1
# Read once here, so that the machine need not.
GST_REGISTRY="$(dirname "$kernel")/registry.bin" gst-inspect-1.0 alsasrc >/dev/null

# boot LIMIT ACCELERATION…: becomes the machine, so that who ends this ends it; its console is `console`.
boot() {
    local limit=$1
    shift
    exec timeout "$limit" qemu-system-x86_64 -machine q35 "$@" -m 2048 -smp 2 -display none -nodefaults -no-reboot \
        -kernel "$kernel"/boot/vmlinuz-* -initrd "$work/initramfs" -append "console=ttyS0 quiet loglevel=3 panic=-1" \
        -serial "file:$work/console" -virtfs "local,path=/,security_model=none,readonly=on,mount_tag=disk,multidevs=remap" \
        2>"$work/qemu"
}

# Whether the machine says anything at all within a time, by the processor's own help.
helps() {
    [ -w /dev/kvm ] || return 1
    : >"$work/console"
    boot "$LIMIT_S" -accel kvm -cpu host,-arch-capabilities &
    local machine=$! until=$((SECONDS + SILENT_S))
    while kill -0 $machine 2>/dev/null && [ $SECONDS -lt $until ]; do
        if grep -q guest-begins "$work/console"; then
            wait $machine
            return 0
        fi
        sleep 0.2
    done
    kill $machine 2>/dev/null
    wait $machine 2>/dev/null
    return 1
}

if helps; then
    echo "In a virtual machine by KVM."
else
    echo "In a virtual machine without KVM, which is not here or does not reach: it is slow."
    : >"$work/console"
    (boot "$SLOW_LIMIT_S" -accel tcg,thread=multi -cpu max)
fi
tr -d '\r' <"$work/console" | sed -n '/guest-begins/,$p'
if ! grep -q '^guest-result 0' <(tr -d '\r' <"$work/console"); then
    cat "$work/qemu"
    if ! grep -q guest-begins "$work/console"; then echo "The virtual machine did not boot."; fi
    exit 1
fi
