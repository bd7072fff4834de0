# shellcheck shell=bash
# A button and a lamp on the header, which the kernel's gpio-sim plays.

HEADER=/sys/kernel/config/gpio-sim/header

# Makes the header, once: a chip with the label of a Raspberry Pi 4's.
make_header() {
    guest "test -e $HEADER/live && exit
        modprobe gpio-sim && mkdir -p $HEADER/bank && echo 28 >$HEADER/bank/num_lines &&
        echo pinctrl-bcm2711 >$HEADER/bank/label &&
        echo 1 >$HEADER/live && udevadm settle"
}
# line NUMBER FILE: a file of the simulated line, as the wire sees it.
line() { printf '%s' "/sys/devices/platform/\$(cat $HEADER/dev_name)/\$(cat $HEADER/bank/chip_name)/sim_gpio$1/$2"; }
press_for() { guest "echo pull-down >$(line 17 pull); sleep $1; echo pull-up >$(line 17 pull)"; }
panel_works() { [ "$(api GET /panel | field "it['fault']")" = '' ] && guest 'grep -q bandstand /sys/kernel/debug/gpio'; }
# Looked at ten times: steady, or blinking, for an emulated box may have been too slow for a picture.
lamp_lit() { case $(guest "for n in 1 2 3 4 5 6 7 8 9 10; do cat $(line 27 value); sleep 0.13; done" | tr -d '\r\n ') in *1*) ;; *) return 1 ;; esac; }
lamp_dark() { ! lamp_lit; }
is_live() { [ -n "$(live_ms)" ]; }

part_panel() {
    need_box
    set_up_channel
    end_live
    make_header || stop_because "The header cannot be made: $(guest 'dmesg | tail -n 3')"
    [ "$(must GET /panel | field "' '.join(it['lines'][:2] + it['lines'][-1:])")" = "GPIO2 GPIO3 GPIO27" ] || stop_because "The page offers other lines: $(api GET /panel)"
    must PUT /panel '{"channel": "main", "button": "GPIO17", "lamp": "GPIO27"}' >/dev/null
    wait_for "The panel" 30 panel_works
    lamp_dark || stop_because "The lamp is lit, and nothing is sent."
    local begin took
    begin=$(now)
    press_for 2
    wait_for "GO LIVE by the button" 30 is_live
    took=$(since "$begin")
    [ "$(must GET '/channels/main/executions?limit=1' | field "it[0]['executed_by']")" = "The button" ] ||
        stop_because "Somebody else went live: $(api GET '/channels/main/executions?limit=1')"
    wait_for "The lamp" 30 lamp_lit
    # Too short to end it.
    press_for 1
    is_live || stop_because "A short press ended the broadcast."
    press_for 6
    wait_for "END by the button" 30 off_air
    wait_for "The lamp's end" 30 lamp_dark
    must DELETE /panel >/dev/null
    passed "live $took s after it was pressed, ended by holding it"
}
