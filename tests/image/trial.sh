#!/usr/bin/env bash
# trial.sh: what the image's script does with a version on trial, with programs that play the system: whether it commits to it, boots the
# committed one again, or leaves it alone.
set -uo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

mkdir "$work/bin"
plays() { printf '#!/bin/bash\n%s\n' "$2" >"$work/bin/$1" && chmod 755 "$work/bin/$1"; }
plays bandstand-board 'cat "$PLAY/status"; exit "$(cat "$PLAY/status.code")"'
# Both daemons are up, or not; the units have not been started again.
plays systemctl 'case $1 in is-active) exit "${INACTIVE:-0}" ;; show) printf "0\n0\n" && exit "${MUTE:-0}" ;; reboot) echo reboot >>"$PLAY/did" ;; esac'
plays openssl 'echo "HTTP/1.1 200 OK"'
# A word a call, the last one again and again: the exit code of a broadcast.
plays setpriv 'echo "$*" >>"$PLAY/sent"; n=$(wc -l <"$PLAY/sent"); set -- ${SENDS:-0}; while [ "$n" -gt 1 ] && [ $# -gt 1 ]; do shift; n=$((n - 1)); done; exit "$1"'
plays chown ''
plays rauc 'echo mark-good >>"$PLAY/did"; exit "${MARKS:-0}"'
sed -e "s|/run/bandstand-trial|$work/trial|; s|/proc/device-tree/chosen/bootloader|$work|; s|^/usr/lib/bandstand/slots|true|" \
    -e 's/^WELL_FOR_S=.*/WELL_FOR_S=0/; s/^WELL_WITHIN_S=.*/WELL_WITHIN_S=1/; s/^LATER_MAX=.*/LATER_MAX=3/; s/sleep [0-9]*/sleep 0.2/' \
    "$HERE/../../image/files/usr/lib/bandstand/trial" >"$work/script"

# does WHAT WANTED STATUS CODE TRYBOOT [VARIABLE=VALUE…]: what it has done, in words, is as wanted.
does() {
    local what=$1 wanted=$2 did said
    printf '%s\n' "$3" >"$work/status"
    echo "$4" >"$work/status.code"
    # shellcheck disable=SC2059 # a byte
    printf "\\0\\0\\0\\$5" >"$work/tryboot"
    : >"$work/did"
    : >"$work/sent"
    shift 5
    said=$(env PLAY="$work" PATH="$work/bin:$PATH" "$@" timeout 30 bash "$work/script" 2>&1)
    did=$(tr '\n' ' ' <"$work/did")
    if [ "${did% }" = "$wanted" ]; then
        passed=$((passed + 1)) && echo "ok      $what: ${wanted:-nothing}"
    else
        failed=$((failed + 1)) && printf 'FAILED  %s: it did "%s", not "%s"\n%s\n' "$what" "${did% }" "$wanted" "$said"
    fi
}

trial='{"booted":"B","committed":"A","armed":null,"trial":true,"astray":false,"slots":[],"fault":null}'
missing='{"booted":"B","committed":"A","armed":null,"trial":true,"astray":false,"slots":[],"fault":{"code":"flag_missing"}}'
committed='{"booted":"B","committed":"B","armed":null,"trial":false,"astray":false,"slots":[],"fault":null}'
unknown='{"booted":"B","committed":null,"armed":null,"trial":false,"astray":false,"slots":[],"fault":{"code":"autoboot_invalid"}}'
does "the committed version" "" "$committed" 0 0
does "the committed version, tried in this boot" "" "$committed" 0 1
does "the committed version, with a fault" "" "${committed/null\}/\{\}\}}" 1 0
does "nothing is known, and no flag chose this boot" "" "" 1 0
does "a version that is well" mark-good "$trial" 0 1
does "a version that is not well" reboot "$trial" 0 1 INACTIVE=3
does "a version that cannot send" reboot "$trial" 0 1 SENDS=1
does "a version that could not send once" mark-good "$trial" 0 1 "SENDS=1 0"
does "a version with a broadcast on air, for a while" mark-good "$trial" 0 1 "SENDS=75 75 0"
despite() { grep -c -- --despite-silence "$work/sent"; }
[ "$(despite)" = 0 ] || { failed=$((failed + 1)) && echo "FAILED  it was tried beside a broadcast at once"; }
does "a version with a broadcast that carries nothing, which can send" mark-good "$trial" 0 1 "SENDS=75 75 75 75 0"
[ "$(despite)" = 2 ] || { failed=$((failed + 1)) && echo "FAILED  it was tried $(despite) times beside a broadcast that carries nothing, not 2"; }
does "a version with a broadcast that carries nothing, which cannot send" reboot "$trial" 0 1 "SENDS=75 75 75 1"
does "a version that cannot be committed" "mark-good reboot" "$trial" 0 1 MARKS=1
does "a version without the flag's device, which RAUC cannot commit" "mark-good reboot" "$missing" 1 1 MARKS=1
does "a version that does not know what is committed" "mark-good reboot" "$unknown" 1 1 MARKS=1
does "a version that knows nothing of the slots" "mark-good reboot" "" 1 1 MARKS=1
does "a version in which systemd does not answer" reboot "$trial" 0 1 MUTE=1

# What systemd starts where that script failed.
sed -e "s|/proc/device-tree/chosen/bootloader|$work|" "$HERE/../../image/files/usr/lib/bandstand/trial-failed" >"$work/script"
does "the trial failed, of a version that the flag chose" reboot "" 0 1
does "it failed, of a committed version" "" "" 0 0

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
