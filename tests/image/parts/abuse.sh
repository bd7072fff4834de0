# shellcheck shell=bash
# What the lane has no time for: processes killed under systemd, versions that do not start, and power cuts in the middle of an update.

# How many power cuts, and from which seed their moments come.
CUTS=${CUTS:-20}
SEED=${SEED:-1}

pid_of() { guest "systemctl show --property MainPID --value $1" | tr -d '\r\n '; }
sessions() { api GET /state 2>/dev/null | field "next(d for c in it['channels'] if c['id'] == 'main' for d in c['status']['destinations'] if d['id'] == 'platform')['sessions']"; }
another_pid() { local pid; pid=$(pid_of "$1"); [ "${pid:-0}" != 0 ] && [ "$pid" != "$2" ]; }

# The worker and the page's program are killed on air, one after the other.
part_killed() {
    need_box
    set_up_channel
    be_live 15000
    local before pid begin worker_s control_s had
    had=$(sessions)
    [ "${had:-0}" -ge 1 ] || stop_because "The platform has no session."
    pid=$(pid_of bandstand.service)
    begin=$(now)
    guest "kill -KILL $pid"
    wait_for "Another control" 60 another_pid bandstand.service "$pid"
    wait_page
    wait_for "The broadcast seen again" 60 live_for 1
    control_s=$(since "$begin")
    [ "$(sessions)" = "$had" ] || stop_because "Killing control cost a session."
    before=$(recordings)
    pid=$(pid_of bandstand-channel@main.service)
    begin=$(now)
    guest "kill -KILL $pid"
    wait_for "The broadcast at the platform after the kill" 120 arrived "$before"
    worker_s=$(since "$begin")
    another_pid bandstand-channel@main.service "$pid" || stop_because "The worker was not started again."
    end_live
    passed "control killed: its page knows the same session again after $control_s s; the worker killed: at the platform again after $worker_s s"
}

# tried NAME: sends a version that cannot start to the page, and sees it given up: TOOK seconds.
tried() {
    "$HERE/bundles.sh" abuse || stop_because "The updates could not be made."
    need_updates
    API_WITHIN_S=300 must PUT /system/update "@$WORK/bundles/$1.raucb" >/dev/null
    installed_by_page
    given_up 600
    guest '! ls /var/lib/bandstand/update | grep -q raucb' || stop_because "The file of the update still lies on /data."
}
part_kernel() {
    tried kernel
    passed "a kernel that is none: back after $TOOK s"
}
part_init() {
    tried init
    passed "a first program that ends, and the kernel's panic: back after $TOOK s"
}

# The plug is pulled at random moments from the beginning of an update to its commit.
part_cuts() {
    need_updates
    local nth wait_s told="" booted committed
    RANDOM=$SEED
    for ((nth = 1; nth <= CUTS; nth++)); do
        # Sent, installed and tried within some three minutes.
        wait_s=$((RANDOM % 180))
        (
            API_WITHIN_S=300 api PUT /system/update "@$WORK/bundles/update.raucb" >/dev/null
            until update_settled; do sleep 1; done
            api POST /system/restart '{}' >/dev/null
        ) 2>/dev/null &
        local busy=$!
        sleep "$wait_s"
        kill "$busy" 2>/dev/null
        wait "$busy" 2>/dev/null
        power_cut
        power_on "$WORK/bundles.img"
        wait_page
        signed_in || claim
        booted=$(slot booted) committed=$(slot committed)
        [ "$booted" = "$committed" ] || stop_because "Cut $nth after $wait_s s: it runs $booted, and $committed is committed: $(slots)"
        [ -z "$(slots | field "it['fault']")" ] || stop_because "Cut $nth after $wait_s s: $(slots)"
        [ "$(must GET /channels | field "it[0]['id']")" = main ] || stop_because "Cut $nth after $wait_s s: what was stored is gone."
        needs_repair && stop_because "Cut $nth after $wait_s s: /data needs somebody to repair it."
        told+=" $wait_s:$booted:$(update)"
        printf 'cut %d of %d after %d s: runs %s; the page says %s\n' "$nth" "$CUTS" "$wait_s" "$booted" "$(update)" >&3
    done
    passed "$CUTS cuts, seed $SEED (seconds : version that runs : what the page says):$told"
}

# Somebody who cannot sign in any more puts two files on the card: the wish for the way back, and what the box shall be then.
part_wish() {
    need_box
    end_live
    guest "echo $(printf '%s' "$GIVEN" | base64 -w 0) | base64 -d >/autoboot/bandstand.toml && touch /autoboot/factory-reset.txt && sync" ||
        stop_because "The card cannot be written."
    guest 'echo mine >/data/bandstand/files/evening.mp4; sync'
    local before begin took
    before=$(starts)
    begin=$(now)
    guest 'systemctl reboot --no-block'
    wait_for "The restart for the way back" 400 started $((before + 1))
    wait_page
    took=$(since "$begin")
    rm -f "$RUN/cookies"
    must POST /session/claim "{\"code\": \"K7QX-99AB\", \"name\": \"$ACCOUNT\", \"password\": \"$PASSWORD\"}" >/dev/null
    [ "$(must GET /channels/main | field "it['name']")" = "Main hall" ] || stop_because "What lay beside the wish was not taken over."
    guest '! ls /autoboot/factory-reset.txt /data/bandstand/files/evening.mp4 /data/board/factory-reset 2>/dev/null' ||
        stop_because "The wish, its mark, or what was there before is left."
    passed "two starts, and the box that the card describes, $took s after it was switched on with the files"
}
