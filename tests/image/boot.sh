#!/usr/bin/env bash
# boot.sh [PART…]: boots the image in QEMU and looks at what it does. Parts, each of which can be run by itself; all, in this
# order, without an argument:
#   page     power on to the page
set -uo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
# shellcheck source=../../image/settings.sh
. "$HERE/../../image/settings.sh"
# shellcheck source=machine.sh
. "$HERE/machine.sh"

PARTS=(page)
PASSED=0
FAILED=0

# stop_because WHY: ends with the machine's last words.
stop_because() {
    printf 'FAILED  %s: %s\n--- the last of the console:\n' "$PART" "$1"
    tail -n 40 "$RUN/console" | tr -d '\r'
    FAILED=$((FAILED + 1))
    finish
}

finish() {
    trap - EXIT
    power_cut
    printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
    [ "$FAILED" = 0 ]
    exit
}

# passed FIGURES: the part holds.
passed() {
    PASSED=$((PASSED + 1))
    printf 'ok      %-8s %s\n' "$PART" "$1"
}

part_page() {
    fresh_card
    power_on
    wait_page
    local took
    took=$(since "$POWER_ON")
    wait_for "the end of the boot" 120 booted
    passed "power on to page ${took} s; $(guest 'systemd-analyze time' | head -n1)"
}

booted() { guest 'systemctl is-system-running' | grep -qE 'running|degraded'; }

for PART in "${@:-${PARTS[@]}}"; do
    declare -F "part_$PART" >/dev/null || fail "The parts are: ${PARTS[*]}"
done
trap finish EXIT
trap 'exit 130' INT TERM
for PART in "${@:-${PARTS[@]}}"; do "part_$PART"; done
finish
