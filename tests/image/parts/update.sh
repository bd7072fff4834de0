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
    bundles_mounted
    # A broadcast would be cut by the reboot; it is no part of this.
    end_live
}

bundles_mounted() {
    guest 'mkdir -p /run/bundles && { mountpoint -q /run/bundles || mount -o ro /dev/disk/by-id/virtio-further /run/bundles; }' ||
        stop_because "The drive of the updates cannot be mounted."
}

slots() { guest 'bandstand-board boot-slot status'; }
slot() { slots | field "it['$1']"; }
# How often the machine has started since it was powered on: what U-Boot said on the console.
starts() { grep -ac '^firmware: partition' "$RUN/console"; }
# nth_start N: one of them, the last with `$`.
nth_start() { tr -d '\r' <"$RUN/console" | grep -a '^firmware: partition' | sed -n "${1}p"; }
last_start() { nth_start '$'; }
# boots SLOT TRYBOOT: what U-Boot says when it boots a slot, in a trial (1) or not (0).
boots() { printf 'firmware: partition %s, tryboot %s' "$([ "$1" = B ] && echo 3 || echo 2)" "$2"; }
started() { [ "$(starts)" -gt "$1" ]; }

# update [EXPRESSION]: what the page shows of an update.
update() { api GET /system 2>/dev/null | field "it['update']${1:-['state']}"; }
update_is() { [ "$(update)" = "$1" ]; }
update_is_one_of() { case " $* " in *" $(update) "*) ;; *) return 1 ;; esac; }
update_settled() { case $(update) in none | receiving | installing | '') return 1 ;; esac; }

# fetched NAME: the page installs one of this machine's from an address.
fetched() {
    fetch "$1"
    installed_by_page
}
fetch() {
    platform_on
    must POST /system/update/fetch "{\"url\": \"http://10.0.2.2:$FILES_PORT/$1.raucb\"}" >/dev/null
}

# installed_by_page: until the page says that it is ready.
installed_by_page() {
    wait_for "The end of the installation" 500 update_settled
    update_is ready || stop_because "The update was not installed: $(api GET /system)"
}

# install NAME: by RAUC itself.
install() { guest "rauc install /run/bundles/$1.raucb" "${2:-400}" >"$RUN/rauc-$1.log"; }

committed_to() { [ "$(slot committed)" = "$1" ]; }
# trial_ended SLOT STARTS: it is committed to, or the box has started more than once since so many starts.
trial_ended() { committed_to "$1" || { [ "$(starts)" -gt $(($2 + 1)) ] && wait_page; }; }

part_update() {
    need_updates
    local from to begin installed trial before
    from=$(slot booted)
    to=$([ "$from" = A ] && echo B || echo A)
    [ "$(slot committed)" = "$from" ] || stop_because "The booted version is not the committed one: $(slots)"
    guest 'echo kept >/data/bandstand/files/kept-by-test'
    begin=$(now)
    [ "$(must GET /system | field "it['image']['slot']")" = "$from" ] || stop_because "The page does not know the slot: $(api GET /system)"
    fetched update
    installed=$(since "$begin")
    [ "$(update "['version']")" = marker ] || stop_because "Another version was installed: $(api GET /system)"
    [ "$(slot armed)" = "$to" ] || stop_because "After the install slot $to is not armed: $(slots)"
    before=$(starts)
    begin=$(now)
    must POST /system/restart '{}' >/dev/null
    wait_for "The trial" 200 started "$before"
    [ "$(last_start)" = "$(boots "$to" 1)" ] ||
        stop_because "The firmware started something else: $(last_start)"
    wait_page
    trial=$(since "$begin")
    guest 'test -e /usr/lib/bandstand/marker' || stop_because "It is not the new version that runs."
    wait_for "The page's word of the trial" 60 update_is_one_of trial done
    case $(update) in
    trial)
        # Unless it is kept in this very moment.
        if api POST /system/restart '{}' >/dev/null; then
            update_is done || stop_because "The page would restart the box in the middle of a trial."
            wait_for "The restart" 200 started $((before + 1))
            wait_page
        fi
        ;;
    done) ;;
    *) stop_because "The page says of the trial: $(api GET /system)" ;;
    esac
    wait_for "The end of the trial" 600 trial_ended "$to" "$before"
    committed_to "$to" || stop_because "The version was given up: $(guest 'grep -ah " trial\[" /data/log/journal.* | tail -n 40')"
    wait_for "The page's word of it" 30 update_is "done"
    local committed figures
    committed=$(since "$begin")
    figures=$(boot_figures)
    # And it stays.
    before=$(starts)
    guest 'systemctl reboot --no-block'
    wait_for "The boot after the commit" 200 started "$before"
    wait_page
    [ "$(last_start)" = "$(boots "$to" 0)" ] ||
        stop_because "The commit did not last: $(last_start)"
    guest 'test -e /usr/lib/bandstand/marker && test "$(cat /data/bandstand/files/kept-by-test)" = kept' ||
        stop_because "The marker or /data is not there after the commit."
    guest 'cmp /autoboot/autoboot.txt /data/board/autoboot.txt' || stop_because "The copy of autoboot.txt is another one."
    passed "$from → $to by the page, from an address: installed in $installed s; from reboot to the trial's page $trial s, committed $committed s ($figures)"
}

# given_up SECONDS: the installed version is tried, does not run well, and the committed one is back by itself within so many
# seconds: TOOK from the restart to its page.
TOOK=
given_up() {
    local from other before begin
    from=$(slot committed)
    other=$([ "$from" = A ] && echo B || echo A)
    before=$(starts)
    begin=$(now)
    must POST /system/restart '{}' >/dev/null
    wait_for "The trial" 200 started "$before"
    [ "$(nth_start $((before + 1)))" = "$(boots "$other" 1)" ] || stop_because "The firmware did not try it: $(last_start)"
    wait_for "The return to the committed version" "$1" started $((before + 1))
    [ "$(nth_start $((before + 2)))" = "$(boots "$from" 0)" ] || stop_because "The firmware started something else: $(last_start)"
    wait_page
    TOOK=$(since "$begin")
    [ "$(slot booted)/$(slot committed)" = "$from/$from" ] || stop_because "It is not back on $from: $(slots)"
    claim
    update_is went_back || stop_because "The page says of the update: $(api GET /system)"
}

part_broken() {
    need_updates
    fetched broken
    given_up 900
    guest 'grep -q "Booting the committed version" /data/log/journal.0' || stop_because "Why it was given up is not kept in the log."
    passed "fetched while it was installed; back on $(slot booted) by itself, its page served $TOOK s after the reboot into the broken version"
}

# What an install may not change: which slot boots, and the bytes of the other one, of which it writes the first ones first.
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
    # And a file that is sent to the page, in its words.
    must PUT /system/update "@$WORK/bundles/signature.raucb" >/dev/null
    wait_for "The page's refusal" 60 update_settled
    [ "$(update)" = failed ] && grep -q "whoever makes" <<<"$(update "['text']")" || stop_because "The page says: $(api GET /system)"
    [ "$before" = "$(unchanged)" ] || stop_because "What the page refused changed something."
    guest '! ls /var/lib/bandstand/update | grep -q raucb' || stop_because "The refused file still lies on /data."
    passed "nothing changed${said}"
}

# What its owner gives it, for a way back to delete.
give_things() { guest 'echo secret >/data/connections/hall.nmconnection; echo mine >/data/bandstand/files/evening.mp4; sync'; }

# new_again STARTS SLOTS: it starts once more and is a new box, with its slots as they were, and then has an account.
new_again() {
    wait_for "The restart" 200 started "$1"
    wait_page
    rm -f "$RUN/cookies"
    [ "$(must GET /session | field "it['claimed']")" = False ] || stop_because "Somebody still has an account."
    guest '! ls /data/connections/hall.nmconnection /data/bandstand/files/evening.mp4 /data/board/factory-reset 2>/dev/null' ||
        stop_because "Something is left of what was there."
    [ "$2" = "$(slots)" ] || stop_because "The slots are others: $2 / $(slots)"
    claim
}

# Everything that its owner gave it goes; what boots it stays.
part_reset() {
    need_box
    end_live
    local venue before begin started_before
    venue=$(must GET /state | field "it['box']['name']")
    give_things
    before=$(slots)
    [ "$(api POST /system/reset '{"venue": "not meant"}' | field "it['wrongs'][0]['place']")" = venue ] ||
        stop_because "It was not meant, and not refused."
    started_before=$(starts)
    begin=$(now)
    must POST /system/reset "{\"venue\": \"$venue\"}" >/dev/null
    new_again "$started_before" "$before"
    passed "a new box $(since "$begin") s after it was asked for"
}
