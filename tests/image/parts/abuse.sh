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

# The one goes back to the version before; the other, which nothing lies behind, starts again and again, and says why.
part_emergency() {
    local file=/autoboot/bandstand-emergency.txt trial begin spaced
    tried emergency
    trial=$TOOK
    guest "grep 'Failed:.*data.mount' $file" || stop_because "The card does not say why: $(guest "cat $file")"
    guest "rm $file; sync"
    power_cut
    cp "$WORK/firmware.img" "$RUN/emergency.img"
    printf 'bootargs=console=ttyAMA0 systemd.debug_shell=hvc0 systemd.unit=emergency.target ' >"$RUN/bootargs.txt"
    in_tools mcopy -o -i "$RUN/emergency.img@@1M" "$RUN/bootargs.txt" ::bootargs.txt || stop_because "The firmware's drive has no command line."
    FIRMWARE=$RUN/emergency.img
    power_on
    begin=$(now)
    wait_for "The second start" 400 started 1
    spaced=$(since "$begin")
    [ "${spaced%.*}" -ge 120 ] || stop_because "The committed version starts again after $spaced s already."
    wait_for "The third start" 400 started 2
    FIRMWARE=$WORK/firmware.img
    power_cut
    power_on
    wait_page
    guest "grep -q 'could not start' $file && rm $file && sync" || stop_because "The card does not say why."
    passed "a version that cannot mount /data: back after $trial s; a committed one that ends in emergency mode starts again $spaced s after it was switched on"
}

# With the watchdog of a PC, since QEMU has none of the Pi's: what feeds it is the same.
part_hang() {
    power_cut
    DEVICES=(-device i6300esb)
    need_updates
    guest 'test "$(cat /sys/class/watchdog/watchdog0/state)" = active' || stop_because "Nobody feeds the watchdog."
    tried hang
    power_cut
    DEVICES=()
    passed "a version whose first program hangs: the watchdog ends it, back after $TOOK s"
}

# What our units add to the time of a boot: the same image's boot without them, as QEMU's firmware can have it.
OURS=(bandstand.service bandstand-ingest.service bandstand-boot-slot.service bandstand-trial.service bandstand-first-boot.service bandstand-radio.service
    bandstand-screen.service bandstand-clock.service bandstand-synchronized.service bandstand-keep.timer
    bandstand-keep-end.service)
OURS_PERCENT_MAX=15
# Microseconds from the kernel's start to the end of a boot, into the caller's `us`: in a subshell the machine's number would be lost, and it would
# run on.
boot_us() {
    guest 'sync'
    power_cut
    power_on
    wait_for "The end of the boot" "$PAGE_WITHIN_S" booted
    us=$(guest 'systemctl show --property ActiveEnterTimestampMonotonic --value multi-user.target' | tr -d '\r\n ')
}
part_bare() {
    local us least=0 least_bare=0 percent
    need_page
    cp "$WORK/firmware.img" "$RUN/bare.img"
    printf 'bootargs=console=ttyAMA0 systemd.debug_shell=hvc0%s ' "$(printf ' systemd.mask=%s' "${OURS[@]}")" >"$RUN/bootargs.txt"
    in_tools mcopy -o -i "$RUN/bare.img@@1M" "$RUN/bootargs.txt" ::bootargs.txt || stop_because "The firmware's drive has no command line."
    # In turns, and the shorter one of two each: this machine may have other work.
    for _ in 1 2; do
        FIRMWARE=$WORK/firmware.img
        boot_us
        [ "$least" != 0 ] && [ "$least" -lt "$us" ] || least=$us
        FIRMWARE=$RUN/bare.img
        boot_us
        guest 'systemctl is-active --quiet bandstand.service' && stop_because "It was no bare boot."
        [ "$least_bare" != 0 ] && [ "$least_bare" -lt "$us" ] || least_bare=$us
    done
    FIRMWARE=$WORK/firmware.img
    power_cut
    percent=$(((least - least_bare) * 100 / least_bare))
    [ "$percent" -le "$OURS_PERCENT_MAX" ] || stop_because "Our units add $percent % to a boot of $((least_bare / 1000)) ms."
    passed "boots in $((least / 1000)) ms, without our units in $((least_bare / 1000)) ms: they add $percent %"
}

# In what an update goes through, and for about how many seconds on the emulated box each is looked into: sent to the page as a file;
# written, from an address; ready, and not restarted; from the restart to the commit; and just committed.
PHASES=(sending writing ready trial committed)
declare -A SPAN_S=([sending]=60 [writing]=80 [ready]=8 [trial]=110 [committed]=15)
# Those that a cut must have fallen into.
PHASES_NEEDED=(writing trial)

# bring_to PHASE: an update, from its beginning to that of a phase. The caller's `busy` is what sends it.
bring_to() {
    if [ "$1" = sending ]; then
        API_WITHIN_S=300 api PUT /system/update "@$WORK/bundles/update.raucb" >/dev/null 2>&1 &
        busy=$!
        return
    fi
    # What comes before the phase is of no matter, and from a drive it takes a third of the time.
    if [ "$1" = trial ] || [ "$1" = committed ]; then
        bundles_mounted
        install update || stop_because "The update was not installed: $(tail -n 5 "$RUN/rauc-update.log")"
    else
        fetch update
        [ "$1" != writing ] || return
        installed_by_page
        [ "$1" != ready ] || return
    fi
    must POST /system/restart '{}' >/dev/null
    [ "$1" != trial ] || return
    wait_for "The commit" 600 committed_to "$to"
}
# phase_seen STARTS: where the update is now, as far as it can be told without waiting; a commit is seen by the next boot.
phase_seen() {
    if started "$1"; then
        echo trial
        return
    fi
    case $(API_WITHIN_S=3 update) in
    receiving) echo sending ;;
    installing) echo writing ;;
    ready) echo ready ;;
    # The page is gone with the restart.
    '') echo trial ;;
    *) if [ "$(slot armed)" = "$to" ]; then echo ready; else echo before; fi ;;
    esac
}

# The plug is pulled in each phase of an update at a random moment, from the seed: the phases in a new order each round.
part_cuts() {
    need_updates
    local plan=() order nth at phase wait_s from to before busy seen told="" booted committed
    local -A fell=()
    RANDOM=$SEED
    while [ ${#plan[@]} -lt "$CUTS" ]; do
        order=("${PHASES[@]}")
        while [ ${#order[@]} -gt 0 ]; do
            at=$((RANDOM % ${#order[@]}))
            phase=${order[$at]}
            plan+=("$phase:$((RANDOM % SPAN_S[$phase]))")
            unset 'order[at]'
            order=("${order[@]}")
        done
    done
    for ((nth = 1; nth <= CUTS; nth++)); do
        phase=${plan[nth - 1]%:*} wait_s=${plan[nth - 1]#*:} busy=''
        from=$(slot booted)
        to=$([ "$from" = A ] && echo B || echo A)
        before=$(starts)
        bring_to "$phase"
        sleep "$wait_s"
        seen=$(phase_seen "$before")
        power_cut
        [ -z "$busy" ] || { kill "$busy" && wait "$busy"; } 2>/dev/null
        power_on "$WORK/bundles.img"
        wait_page
        signed_in || claim
        booted=$(slot booted) committed=$(slot committed)
        [ "$booted" != "$to" ] || seen=committed
        fell[$seen]=$((${fell[$seen]:-0} + 1))
        [ "$booted" = "$committed" ] || stop_because "Cut $nth ($seen): it runs $booted, and $committed is committed: $(slots)"
        # The box may say so a moment before the card does.
        [ "$phase" != committed ] || [ "$wait_s" -lt 2 ] || [ "$seen" = committed ] || stop_because "Cut $nth: the commit to $to did not last: $(slots)"
        [ -z "$(slots | field "it['fault']")" ] || stop_because "Cut $nth ($seen): $(slots)"
        [ "$(must GET /channels | field "it[0]['id']")" = main ] || stop_because "Cut $nth ($seen): what was stored is gone."
        needs_repair && stop_because "Cut $nth ($seen): /data needs somebody to repair it."
        told+=" $seen:$booted:$(update)"
        printf 'cut %d of %d, %d s into %s: it fell into %s; runs %s; the page says %s\n' "$nth" "$CUTS" "$wait_s" "$phase" "$seen" "$booted" "$(update)" >&3
    done
    if [ "$CUTS" -ge $((2 * ${#PHASES[@]})) ]; then
        for phase in "${PHASES_NEEDED[@]}"; do
            [ "${fell[$phase]:-0}" -gt 0 ] || stop_because "No cut of $CUTS fell into $phase (seed $SEED):$told"
        done
    fi
    passed "$CUTS cuts, seed $SEED (phase : version that runs : what the page says):$told"
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
