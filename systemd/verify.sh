#!/usr/bin/env bash
# Checks the units, users and folders by systemd's own tools, in a root of its own with programs that do nothing.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
passed=0
failed=0

# check NAME COMMAND…: what the command says counts as a complaint, even where it ends well.
check() {
    local name=$1 said result
    shift
    said=$("$@" 2>&1)
    result=$?
    if [ "$result" = 0 ] && [ -z "$said" ]; then
        passed=$((passed + 1))
        printf 'ok      %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s (%s)\n%s\n' "$name" "$result" "$said"
    fi
}

mkdir -p "$root/usr/bin" "$root/etc" "$root/usr/lib/systemd/system" "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d"
for program in bandstand bandstand-ingest bandstand-channel; do
    printf '#!/bin/sh\n' >"$root/usr/bin/$program"
    chmod 755 "$root/usr/bin/$program"
done
# What our units lean upon comes from this machine's systemd.
for folder in /usr/lib/systemd/system /lib/systemd/system; do
    [ -d "$folder" ] && cp -n "$folder"/{*.target,*.slice,*.mount,dbus.service,dbus.socket} "$root/usr/lib/systemd/system/" 2>/dev/null
done
cp ./*.service "$root/usr/lib/systemd/system/"
cp sysusers.d/*.conf "$root/usr/lib/sysusers.d/"
cp tmpfiles.d/*.conf "$root/usr/lib/tmpfiles.d/"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\naudio:x:29:\nvideo:x:44:\nrender:x:105:\n' >"$root/etc/group"

for unit in bandstand.service bandstand-ingest.service bandstand-channel@main.service; do
    check "verify $unit" systemd-analyze --root="$root" --man=no --recursive-errors=no verify "$unit"
done

# The image's own units and what it adds to others', with programs that do nothing.
image=../image/files/usr/lib/systemd/system
units=$root/usr/lib/systemd/system
cp -n /usr/lib/systemd/system/{emergency,rescue}.service /lib/systemd/system/{emergency,rescue}.service "$units/" 2>/dev/null
cp -r "$image/." "$units/"
find "$units" -type f -print0 | xargs -0 sed -i 's/SIGNATURE/ba5d57a2/g'
grep -rhoE '^Exec[A-Za-z]*=[-]?/[^ ]+' "$image" | sed 's/.*=-\?//' | sort -u | while read -r program; do
    mkdir -p "$root$(dirname "$program")"
    [ -e "$root$program" ] || install -m 755 "$root/usr/bin/bandstand" "$root$program"
done
for unit in "$image"/*.{service,timer,mount}; do
    unit=$(basename "$unit")
    check "verify $unit" systemd-analyze --root="$root" --man=no --recursive-errors=no verify "${unit/@./@sda.}"
done
mkdir -p "$units/multi-user.target.wants"
for unit in bandstand-trial bandstand-boot-slot bandstand-keep-end; do ln -s "../$unit.service" "$units/multi-user.target.wants/"; done
for unit in emergency.service rescue.service multi-user.target; do
    check "verify the image's $unit" systemd-analyze --root="$root" --man=no --recursive-errors=no verify "$unit"
done
# Emergency mode waits for nobody.
for unit in emergency rescue; do
    check "the image's $unit mode ends" bash -c 'for line in SuccessAction=reboot-force FailureAction=reboot-force RuntimeMaxSec=5min; do
        grep -qx "$line" "$1" || echo "$line is missing"; done' - "$image/$unit.service.d/bandstand.conf"
done
check "a card that cannot be grown is used as it is" bash -c '! grep -n "^RequiredBy" "$1" && ! grep "requires bandstand-grow" "$2"' - \
    "$image/bandstand-grow.service" ../image/steps/slot

# hardened UNIT MOST: exposure as systemd judges it, in tenths; a line that is lost shows here.
hardened() {
    local said
    said=$(systemd-analyze --offline=true --root="$root" --threshold="$2" security "$1" 2>&1) || {
        printf '%s\n' "$said" | tail -n 3
        return 1
    }
}
check "security bandstand.service" hardened bandstand.service 25
check "security bandstand-ingest.service" hardened bandstand-ingest.service 25
check "security bandstand-channel@main.service" hardened bandstand-channel@main.service 35

# has UNIT SETTING…: what keeps a process honest, as systemd has read it. A line that is lost, or that it does not
# understand, shows here.
has() {
    local unit=$1 text setting
    shift
    text=$(sed 's/^[[:space:]]*//; /^#/d' "$root/usr/lib/systemd/system/$unit")
    for setting in "$@"; do
        printf '%s\n' "$text" | grep -qx -- "$setting" || printf '%s is not in %s\n' "$setting" "$unit"
    done
}
for unit in bandstand.service bandstand-ingest.service bandstand-channel@.service; do
    check "watched over $unit" has "$unit" 'Type=notify' 'WatchdogSec=[0-9]\+' 'WatchdogSignal=SIGKILL' 'Restart=always' \
        'StartLimitIntervalSec=0' 'MemoryMax=[0-9]\+[MG]' 'CPUWeight=[0-9]\+' 'TasksMax=[0-9]\+'
done
for unit in bandstand.service bandstand-ingest.service; do
    check "leaves the picture its cores $unit" has "$unit" 'CPUQuota=[0-9]\+%'
done
for unit in bandstand-ingest.service bandstand-channel@.service; do
    check "asks neither systemd nor RAUC $unit" has "$unit" 'InaccessiblePaths=-/run/dbus'
done
check "a channel's share" has bandstand-channel@.service 'CPUWeight=1000' 'MemorySwapMax=0' 'Environment=MALLOC_ARENA_MAX=2'

check "a channel reaches capture devices" has bandstand-channel@.service 'SupplementaryGroups=video render audio' \
    'DeviceAllow=char-video4linux rw' 'DeviceAllow=char-alsa rw'

# The checks themselves: a mistake must be seen.
check "a lost line is seen" bash -c "$(declare -f has); root='$root'; has bandstand.service 'WatchdogSec=none' | grep -q 'is not in'"
sed 's/^MemoryMax=.*/MemoryMaximum=1/' bandstand-ingest.service >"$root/usr/lib/systemd/system/wrong.service"
check "a mistake is seen" bash -c "systemd-analyze --root='$root' --man=no verify wrong.service 2>&1 | grep -q MemoryMaximum"
check "sysusers" bash -c "systemd-sysusers --dry-run --root='$root' >/dev/null 2>&1"
if [ "$(id -u)" = 0 ]; then
    check "the user" bash -c "systemd-sysusers --root='$root' >/dev/null 2>&1 && grep -q '^bandstand:' '$root/etc/passwd'"
    check "the folders" bash -c "systemd-tmpfiles --create --root='$root' bandstand.conf && test -d '$root/run/bandstand'"
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
