#!/usr/bin/env bash
# flash.sh: writes to a card, and to what it must not write to. The cards are loop devices over sparse files.
set -uo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
flash=$HERE/../../image/flash
passed=0
failed=0
# A container may name a loop device that it does not have.
loops_work() {
    local file loop
    file=$(mktemp) && truncate -s 1M "$file" && loop=$(losetup -f --show "$file" 2>/dev/null) && losetup -d "$loop"
    local result=$?
    rm -f "$file"
    return "$result"
}
if [ "$(id -u)" != 0 ] || ! loops_work; then
    echo "SKIPPED writing to a card: it takes root and loop devices"
    exit
fi
work=$(mktemp -d)
loops=()
end() {
    umount "$work/mounted" 2>/dev/null
    for loop in "${loops[@]}"; do losetup -d "$loop"; done
    rm -rf "$work"
}
trap end EXIT

# card NAME SIZE: a loop device over a sparse file, in `card`.
card() {
    truncate -s "$2" "$work/$1"
    card=$(losetup -f --show "$work/$1") || exit 1
    loops+=("$card")
}
head -c 5000000 /dev/urandom >"$work/small.img"
truncate -s 8M "$work/small.img"
zstd -q --long=30 "$work/small.img" -o "$work/small.img.zst"

# writes WHAT FILE ARGUMENT…: it does, and the file holds the image.
writes() {
    local what=$1 file=$2 said
    shift 2
    if said=$("$flash" "$@" </dev/null 2>&1) && cmp -s -n 8388608 "$work/small.img" "$file"; then
        passed=$((passed + 1)) && echo "ok      $what"
    else
        failed=$((failed + 1)) && printf 'FAILED  %s\n%s\n' "$what" "$said"
    fi
}
# refuses WHAT WHY FILE ARGUMENT…: it does, for this reason, and nothing is written.
refuses() {
    local what=$1 why=$2 file=$3 before said
    shift 3
    before=$(head -c 8388608 "$file" | sha256sum)
    if said=$("$flash" "$@" </dev/null 2>&1); then
        failed=$((failed + 1)) && echo "FAILED  $what: it was done"
    elif [[ $said != *"$why"* ]] || [ "$before" != "$(head -c 8388608 "$file" | sha256sum)" ]; then
        failed=$((failed + 1)) && printf 'FAILED  %s\n%s\n' "$what" "$said"
    else
        passed=$((passed + 1)) && echo "ok      $what"
    fi
}

card one 64M
refuses "nobody to ask" "--yes if it is meant" "$work/one" "$card" --image "$work/small.img"
writes "an image" "$work/one" "$card" --image "$work/small.img" --yes
card two 64M
writes "a compressed image" "$work/two" "$card" --image "$work/small.img.zst" --yes
head -c 100000 "$work/small.img.zst" | tail -c 50000 >"$work/damaged.img.zst"
refuses "a compressed image that is damaged" "zstd cannot read" "$work/two" "$card" --image "$work/damaged.img.zst" --yes
# All programs of this machine but one.
mkdir "$work/programs"
ln -s /sbin/* /usr/sbin/* /bin/* /usr/bin/* "$work/programs/" 2>/dev/null
rm -f "$work/programs/zstd"
PATH=$work/programs refuses "a compressed image without zstd" "is not installed" "$work/two" "$card" --image "$work/small.img.zst" --yes
card tiny 4M
refuses "a card that is too small" "needs 8 MiB" "$work/tiny" "$card" --image "$work/small.img" --yes
card huge 3G
refuses "a disk larger than asked" "more than a card of 2 GiB" "$work/huge" "$card" --image "$work/small.img" --largest 2
writes "a disk larger than asked, meant" "$work/huge" "$card" --image "$work/small.img" --largest 2 --yes
card mounted-disk 64M
mkfs.ext4 -q "$card" && mkdir "$work/mounted" && mount "$card" "$work/mounted"
refuses "a disk that is mounted" "is in use" "$work/mounted-disk" "$card" --image "$work/small.img" --yes
umount "$work/mounted"
writes "the same, unmounted" "$work/mounted-disk" "$card" --image "$work/small.img" --yes
truncate -s 64M "$work/file"
refuses "a file" "is no disk" "$work/file" "$work/file" --image "$work/small.img" --yes

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
