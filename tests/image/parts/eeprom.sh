# shellcheck shell=bash
# A board whose own start program is too old for updates, or does not say how old it is: told beforehand, and refused.

# built_on SECONDS: from the next start on the firmware says that it was built then; nothing, that it does not say. It lasts as long as
# QEMU, as does all on the firmware's drive.
built_on() {
    guest "mkdir -p /run/firmware && mount /dev/disk/by-partuuid/f1a60b07-01 /run/firmware && rm -f /run/firmware/built.txt &&
        { [ -z '$1' ] || echo 'built=$1' >/run/firmware/built.txt; } && umount /run/firmware" || stop_because "The firmware's drive cannot be written."
}
obstacle() { api GET /system | field "it['image']['obstacle']"; }
# Until the board has said of itself what there is: some seconds after the page is served.
board_known() { [ -n "$(api GET /system | field "it['image']['slot']")" ]; }
obstacle_says() { obstacle | grep -q "$1"; }

part_eeprom() {
    need_updates
    wait_for "What the board says" 60 board_known
    [ -z "$(obstacle)" ] || stop_because "A new board takes no update: $(obstacle)"
    local one built code words before after refused said=""
    for one in 1619654400:bootloader_too_old:"is from 2021 and too old" :bootloader_unknown:"does not say how old"; do
        built=${one%%:*} code=${one#*:} words=${one##*:}
        code=${code%%:*}
        built_on "$built"
        before=$(starts)
        must POST /system/restart '{}' >/dev/null
        wait_for "The restart" 200 started "$before"
        wait_page
        need_updates
        wait_for "The page's word of it" 60 obstacle_says "$words"
        guest "bandstand doctor --state /var/lib/bandstand --run /run/bandstand | grep -q 'WARNING updates .*$words'" ||
            stop_because "The doctor says nothing of it: $(guest 'bandstand doctor --state /var/lib/bandstand --run /run/bandstand')"
        before=$(unchanged)
        if refused=$(api POST /system/update/fetch "{\"url\": \"http://10.0.2.2/none.raucb\"}"); then stop_because "The page began an update."; fi
        grep -q "$words" <<<"$refused" || stop_because "The page refuses it for another reason: $refused"
        # And by hand: RAUC asks the board before it writes.
        platform_on
        if guest "rauc install http://10.0.2.2:$FILES_PORT/update.raucb" 400 >"$RUN/rauc-update.log"; then stop_because "RAUC installed an update."; fi
        guest "journalctl -b -u rauc --no-pager -o cat | grep -q $code" || stop_because "RAUC was refused for another reason: $(tail -n 5 "$RUN/rauc-update.log")"
        after=$(unchanged)
        [ "$before" = "$after" ] || stop_because "Something was changed: $before / $after"
        said+="; $code: $(obstacle)"
    done
    # A firmware that has forgotten all of it, as this one does with its power.
    guest sync
    power_cut
    power_on "$WORK/bundles.img"
    wait_page
    wait_for "What the board says" 60 board_known
    [ -z "$(obstacle)" ] || stop_because "It is still said: $(obstacle)"
    passed "nothing changed${said}"
}
