# shellcheck shell=bash
# The way back by the button on the header, which is played as in panel.sh. The simulated header is there only once the system runs, so
# what stands for the plug is the start of the page's program.

# down_while DOING: the button is down from before the page's program starts until this is done in the machine. The simulated line is
# let go when the program asks for its pull-up, which no finger would notice: so it is pressed again and again, before all else that
# the emulated processor has to do.
down_while() {
    guest "systemctl stop bandstand
        (exec 3<> <(:); pull=$(line 17 pull)
            while :; do echo pull-down >\$pull; read -rt 0.02 -u 3; done) & finger=\$!
        chrt -f -p 50 \$finger
        $1
        result=\$?
        kill \$finger; wait \$finger 2>/dev/null; echo pull-up >$(line 17 pull); exit \$result" 240
}
# The program starts, and the lamp is lit: in the dark box it says that the button may be let go.
until_lit() { echo "systemctl start --no-block bandstand; until grep -q 1 $(line 27 value); do sleep 0.1; done"; }
# It flickers no more: it was dark in twenty looks, one after another.
until_dark() { echo "n=0; while [ \$n -lt 20 ]; do sleep 0.1; if grep -q 1 $(line 27 value); then n=0; else n=\$((n + 1)); fi; done"; }
# A press as any other, once the button was seen to be up: while the way back was still asked for, it would only call that off.
press_goes_live() {
    wait_page
    guest 'sleep 1'
    press_for 2
    wait_for "GO LIVE by a press after it was $1" 30 is_live
    end_live
}

part_button() {
    need_box
    set_up_channel
    end_live
    make_header || stop_because "The header cannot be made: $(guest 'dmesg | tail -n 3')"
    must PUT /panel '{"channel": "main", "button": "GPIO17", "lamp": "GPIO27"}' >/dev/null
    wait_for "The panel" 30 panel_works
    give_things
    local before begin took slots_before
    before=$(starts)
    slots_before=$(slots)
    down_while 'systemctl start bandstand; sleep 3' || stop_because "The page's program does not start."
    press_goes_live "let go too early"
    down_while "$(until_lit); $(until_dark)" || stop_because "The lamp did not flicker, or does not end."
    press_goes_live stuck
    # A broadcast that goes on comes first, and a button that is down ends none.
    be_live 1000
    down_while 'systemctl start bandstand; sleep 20' || stop_because "The page's program does not start."
    wait_page
    wait_for "The broadcast seen again" 60 live_for 1
    press_for 1
    is_live || stop_because "A button that was down from the start ended the broadcast."
    end_live
    [ "$(starts)" = "$before" ] || stop_because "The box has restarted, and nobody asked for it."
    down_while "$(until_lit)" || stop_because "The lamp did not flicker."
    begin=$(now)
    new_again "$before" "$slots_before"
    took=$(since "$begin")
    [ -z "$(must GET /panel | field "it['panel']")" ] || stop_because "The button is still connected: $(api GET /panel)"
    passed "nothing by a button that is let go early, stuck, or down under a broadcast; a new box $took s after it was let go in time"
}
