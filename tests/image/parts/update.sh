# shellcheck shell=bash
# Updates: one that is well, one that is not, and those that are refused.

# A machine with the drive of the updates, and an account.
need_updates() {
    "$HERE/bundles.sh" || stop_because "The updates could not be made."
    if ! runs || ! guest 'test -e /dev/disk/by-id/virtio-further'; then
        # The card of the parts before this one, or one of its own.
        if runs; then guest 'sync' && power_cut; else fresh_card; fi
        power_on "$WORK/bundles.img"
        wait_page
    fi
    signed_in || claim
    small_program
    guest 'mkdir -p /run/bundles && { mountpoint -q /run/bundles || mount -o ro /dev/disk/by-id/virtio-further /run/bundles; }' ||
        stop_because "The drive of the updates cannot be mounted."
    # A broadcast would be cut by the reboot; it is no part of this.
    end_live
}

slots() { guest 'bandstand-board boot-slot status'; }
slot() { slots | field "it['$1']"; }
# How often the machine has started since it was powered on: what U-Boot said on the console.
starts() { grep -ac '^firmware: partition' "$RUN/console"; }
last_start() { tr -d '\r' <"$RUN/console" | grep -a '^firmware: partition' | tail -n1; }
started() { [ "$(starts)" -gt "$1" ]; }

# install NAME: by RAUC, as the page will.
install() { guest "rauc install /run/bundles/$1.raucb" "${2:-400}" >"$RUN/rauc-$1.log"; }

committed_to() { [ "$(slot committed)" = "$1" ]; }

part_update() {
    need_updates
    local from to begin installed trial before
    from=$(slot booted)
    to=$([ "$from" = A ] && echo B || echo A)
    [ "$(slot committed)" = "$from" ] || stop_because "The booted version is not the committed one: $(slots)"
    guest 'echo kept >/data/bandstand/files/kept-by-test'
    begin=$(now)
    install update || stop_because "The update was not installed: $(tail -n 5 "$RUN/rauc-update.log")"
    installed=$(since "$begin")
    [ "$(slot armed)" = "$to" ] || stop_because "After the install slot $to is not armed: $(slots)"
    before=$(starts)
    begin=$(now)
    guest 'systemctl reboot --no-block'
    wait_for "The trial" 200 started "$before"
    [ "$(last_start)" = "firmware: partition $([ "$to" = B ] && echo 3 || echo 2), tryboot 1" ] ||
        stop_because "The firmware started something else: $(last_start)"
    wait_page
    trial=$(since "$begin")
    guest 'test -e /usr/lib/bandstand/marker' || stop_because "It is not the new version that runs."
    wait_for "The commit to slot $to" 400 committed_to "$to"
    local committed figures
    committed=$(since "$begin")
    figures=$(boot_figures)
    # And it stays.
    before=$(starts)
    guest 'systemctl reboot --no-block'
    wait_for "The boot after the commit" 200 started "$before"
    wait_page
    [ "$(last_start)" = "firmware: partition $([ "$to" = B ] && echo 3 || echo 2), tryboot 0" ] ||
        stop_because "The commit did not last: $(last_start)"
    guest 'test -e /usr/lib/bandstand/marker && test "$(cat /data/bandstand/files/kept-by-test)" = kept' ||
        stop_because "The marker or /data is not there after the commit."
    guest 'cmp /autoboot/autoboot.txt /data/board/autoboot.txt' || stop_because "The copy of autoboot.txt is another one."
    passed "$from → $to: installed in $installed s; from reboot to the trial's page $trial s, committed $committed s ($figures)"
}

part_broken() {
    need_updates
    local from begin before took
    from=$(slot committed)
    install broken || stop_because "The update was not installed: $(tail -n 5 "$RUN/rauc-broken.log")"
    before=$(starts)
    begin=$(now)
    guest 'systemctl reboot --no-block'
    wait_for "The trial of the broken version" 200 started "$before"
    case $(last_start) in
    *"tryboot 1") ;;
    *) stop_because "The firmware did not try the broken version: $(last_start)" ;;
    esac
    before=$(starts)
    wait_for "The return to the committed version" 900 started "$before"
    case $(last_start) in
    *"partition $([ "$from" = B ] && echo 3 || echo 2), tryboot 0") ;;
    *) stop_because "The firmware started something else: $(last_start)" ;;
    esac
    wait_page
    took=$(since "$begin")
    [ "$(slot booted)/$(slot committed)" = "$from/$from" ] || stop_because "It is not back on $from: $(slots)"
    claim
    passed "back on $from by itself, its page served $took s after the reboot into the broken version"
}

# What an install may not change: which slot boots, and the bytes of the other one.
unchanged() {
    guest 'bandstand-board boot-slot status; cat /autoboot/autoboot.txt
        case $(bandstand-board boot-slot status) in *"\"booted\":\"A\""*) p="06 03" ;; *) p="05 02" ;; esac
        for n in $p; do head -c 33554432 "/dev/disk/by-partuuid/'"$SIGNATURE"'-$n" | sha256sum; done' 120
}

part_refused() {
    need_updates
    local before after name why said=""
    before=$(unchanged)
    for name in signature:signature compatible:ompatible truncated:; do
        why=${name#*:} name=${name%%:*}
        if install "$name"; then stop_because "The bundle \"$name\" was installed."; fi
        grep -qi "$why" "$RUN/rauc-$name.log" || stop_because "The bundle \"$name\" was refused for another reason: $(tail -n 5 "$RUN/rauc-$name.log")"
        said+="; $name: $(grep -i 'error\|failed' "$RUN/rauc-$name.log" | tail -n1 | tr -d '\r' | cut -c1-100)"
        after=$(unchanged)
        [ "$before" = "$after" ] || stop_because "The bundle \"$name\" changed something: $before / $after"
    done
    passed "nothing changed${said}"
}
