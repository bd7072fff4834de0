#!/usr/bin/env bash
# boot.sh [PART…]: boots the image in QEMU and looks at what it does. Parts, each of which can be run by itself; the first
# eight, in this order, without an argument; the others with `abuse`:
#   page     power on to the page
#   data     /data is grown, and everything else is as it should be
#   claim    the first sign-in
#   live     a broadcast to a platform and to the card
#   power    the plug is pulled within; on air again by itself
#   update   a new version by the page, fetched from an address; its trial, its commit
#   broken   a version whose daemon fails, and the way back
#   refused  a wrong signature, a wrong kind of box, half a bundle; by hand, and one of them by a file sent to the page
#
#   network  the cable goes, and the box's own access point comes; Wi-Fi by the page, with radios that the kernel plays
#   panel    a button and a lamp on the board's header
#   button   everything goes by the button, held while the page's program starts and let go when the lamp flickers; and not otherwise
#   killed   the worker and the page's program, on air
#   kernel   a version whose kernel is none, sent to the page as a file
#   init     a version whose first program ends
#   emergency  a version that cannot mount /data; and the committed one, where it cannot start
#   eeprom   a board whose own start program is too old for updates: told beforehand, and refused
#   reset    everything goes, and it is a new box again
#   wish     the same by a file on the card, with what it shall be then beside it
#   given    a card with settings on it, which the box takes over at its first start; and a clock that is years off
#   disk     a disk for recordings, prepared, pulled out on air and put back
#   nvme     a disk for recordings that is in the box for good: the plug is pulled, and a second disk is refused
#   hang     a version that hangs, and the watchdog
#   bare     what our units add to the time of a boot
#   cuts     the plug is pulled at random moments of each phase of an update (CUTS, SEED)
# KEEP=yes leaves the machine on at the end, for the next call with KEEP=yes and for tests/image/guest.py.
# A part that fails ends the run: those behind it would only say the same.
set -uo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
# shellcheck source=../../image/settings.sh
. "$HERE/../../image/settings.sh"
# shellcheck source=machine.sh
. "$HERE/machine.sh"
# shellcheck source=box.sh
. "$HERE/box.sh"
for file in "$HERE"/parts/*.sh; do
    # shellcheck source=/dev/null
    . "$file"
done

PARTS=(page data claim live power update broken refused)
ABUSE_PARTS=(network panel button killed disk nvme bare kernel init emergency hang eeprom reset wish given cuts)
# Seconds that each takes on two cores that emulate another processor, with some to spare.
declare -A TAKES=([page]=150 [data]=20 [claim]=20 [live]=150 [power]=250 [update]=600 [broken]=350 [refused]=100 [network]=1200
    [panel]=200 [button]=450 [killed]=250 [disk]=500 [nvme]=500 [bare]=300 [kernel]=600 [init]=600 [emergency]=1100 [hang]=600 [eeprom]=600 [reset]=250
    [wish]=400 [given]=250 [cuts]=5400)
# Seconds since 1970 when all must be over; a part that would not be is left out.
UNTIL=${UNTIL:-0}
PASSED=0
FAILED=0
PART=
exec 3>&1

# stop_because WHY: ends with the machine's last words, also from within a command substitution.
stop_because() {
    {
        printf 'FAILED  %-8s %s\n--- the last of the console:\n' "$PART" "$1"
        tail -n 25 "$RUN/console" | tr -d '\r'
        if runs; then
            printf -- '--- the last of the journal:\n'
            timeout 60 python3 "$HERE/guest.py" "$RUN/shell" 50 'systemctl --failed --no-legend; journalctl -b -n 40 --no-pager -o cat'
        fi
    } >&3
    [ "$BASHPID" = $$ ] || { kill -USR1 $$; exit 1; }
    broke_off
}
broke_off() {
    FAILED=$((FAILED + 1))
    finish
}
trap broke_off USR1

finish() {
    trap - EXIT
    platform_off
    time_off
    if [ "${KEEP:-}" = yes ]; then declare -p QEMU_PID HTTPS_PORT HTTP_PORT POWER_ON PLATFORM_PORT FILES_PORT >"$RUN/kept" 2>/dev/null; else power_cut; fi
    printf '%d passed, %d failed\n' "$PASSED" "$FAILED" >&3
    [ "$FAILED" = 0 ]
    exit
}

# passed FIGURES: the part holds.
passed() {
    PASSED=$((PASSED + 1))
    printf 'ok      %-8s %s [%s s]\n' "$PART" "$1" $((SECONDS - PART_BEGIN))
}

[ "${1:-}" != abuse ] || set -- "${ABUSE_PARTS[@]}"
for PART in "${@:-${PARTS[@]}}"; do
    declare -F "part_$PART" >/dev/null || fail "The parts are: ${PARTS[*]} ${ABUSE_PARTS[*]}"
done
if [ "${KEEP:-}" = yes ] && [ -s "$RUN/kept" ]; then
    # shellcheck source=/dev/null
    . "$RUN/kept"
fi
rm -f "$RUN/kept"
trap finish EXIT
trap 'exit 130' INT TERM
for PART in "${@:-${PARTS[@]}}"; do
    PART_BEGIN=$SECONDS
    left=$((UNTIL - $(date +%s)))
    if [ "$UNTIL" != 0 ] && [ "$left" -lt "${TAKES[$PART]}" ]; then
        echo "SKIPPED the image's part \"$PART\": it takes up to ${TAKES[$PART]} s, of which $((left > 0 ? left : 0)) are left"
        continue
    fi
    "part_$PART"
done
finish
