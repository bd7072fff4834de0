# shellcheck shell=bash
# A broadcast, and a power cut within.

# For so long a broadcast is looked at.
ON_AIR_S=${ON_AIR_S:-30}

# Two destinations: a platform, and a file on /data.
set_up_channel() {
    platform_on
    [ -z "$(must GET /channels/main | field "it['manual']['source']")" ] || return 0
    small_program
    "$HERE/frames.py" make "$RUN/clip.mp4" || stop_because "The clip could not be made."
    local asset
    asset=$(must POST '/assets?name=clip.mp4' "@$RUN/clip.mp4" | field "it['id']")
    must POST /channels/main/sources "{\"id\": \"clip\", \"name\": \"Clip\", \"kind\": \"media\", \"asset\": \"$asset\"}" >/dev/null
    must POST /channels/main/destinations \
        "{\"id\": \"platform\", \"name\": \"Platform\", \"url\": \"rtmp://10.0.2.2:$PLATFORM_PORT/live\", \"key\": \"key\"}" >/dev/null
    must POST /channels/main/destinations '{"id": "card", "name": "Card", "kind": "file", "folder": "card", "container": "mp4",
        "keep_mb": 200, "leave_mb": 100, "enabled": true}' >/dev/null
    must POST /channels/main/pin '{"source": "clip"}' >/dev/null
    wait_for "The clip on air" 120 online clip
}
online() { [ "$(status "['sources'][0]['state']")" = online ] && on_air "$1"; }
on_air() { [ "$(status "['on_air']['source']")" = "$1" ]; }
live_ms() { status "['live']['since_ms']"; }
live_for() { local ms; ms=$(live_ms); [ "${ms:-0}" -ge "$1" ]; }
# Nothing is sent, and nothing is wanted: after a boot the worker comes some seconds later than the page.
off_air() { [ "$(api GET /channels/main | field "'no' if it['live'] is None else 'yes'")" = no ] && [ -z "$(live_ms)" ]; }
# be_live MS: a broadcast that has run for so long.
be_live() {
    [ -z "$(live_ms)" ] || return 0
    must POST /channels/main/go-live '{"countdown_s": 0}' >/dev/null
    wait_for "The broadcast" 120 live_for "$1"
}
end_live() {
    off_air && return
    must POST /channels/main/end >/dev/null
    wait_for "The end of the broadcast" 60 off_air
}
# A recording that began after so many others, and holds this many pictures of the clip: how many there will be after some time
# depends upon what else this machine does.
PICTURES_MIN=100
enough_after() {
    local file told
    while read -r file; do
        told=$("$HERE/frames.py" read "$file" 2>/dev/null) || continue
        [ "$(sed -n 's/.*pictures=\([0-9]*\).*/\1/p' <<<"$told")" -ge "$PICTURES_MIN" ] && CHECKED=$file && return
    done < <(find "$RUN/platform/recordings" -name '*.flv' -printf '%T@ %p\n' | sort -n | tail -n "+$(($1 + 1))" | cut -d' ' -f2-)
    return 1
}
arrived() { [ "$(recordings)" -gt "$1" ] && [ "$(stat -c %s "$(recording)")" -gt 100000 ]; }

# Looks at what the platform got: numbered pictures that go on, and none that is black.
check_recording() {
    local told
    told=$("$HERE/frames.py" read "$CHECKED") || stop_because "What arrived cannot be read: $told"
    local pictures numbered forward black different
    eval "$(tr ' ' '\n' <<<"$told" | grep -E '^(pictures|numbered|forward|black|different)=[0-9]+$')"
    # shellcheck disable=SC2154 # they are what frames.py says
    {
        [ "$pictures" -ge "$PICTURES_MIN" ] || stop_because "Only $pictures pictures arrived ($told)."
        [ $((numbered * 100)) -ge $((pictures * 90)) ] || stop_because "Pictures have no number that can be read ($told)."
        [ $((forward + 1)) -ge "$numbered" ] || stop_because "Numbers went backwards ($told)."
        [ "$different" -ge 30 ] || stop_because "The picture stood still ($told)."
        [ "$black" = 0 ] || stop_because "Pictures are black ($told)."
    }
    printf '%s' "$told"
}

part_live() {
    need_box
    set_up_channel
    end_live
    local before
    before=$(recordings)
    must POST /channels/main/go-live '{"countdown_s": 0}' >/dev/null
    wait_for "The broadcast at the platform" 120 arrived "$before"
    wait_for "The broadcast's first $ON_AIR_S s" $((ON_AIR_S * 3 + 60)) live_for $((ON_AIR_S * 1000))
    wait_for "$PICTURES_MIN pictures at the platform" 240 enough_after "$before"
    local told
    told=$(check_recording)
    guest 'systemctl is-active --quiet bandstand-channel@main.service' || stop_because "The worker is no unit of systemd's."
    passed "320x180, 15 a second, $ON_AIR_S s of broadcast: $told"
}

# Whether a check of /data gave up.
needs_repair() { guest 'journalctl -b --no-pager -u "systemd-fsck*" | grep -iE "unexpected inconsistency|needs manual"'; }

# What a power cut may take from a file: what the box itself says is not lasting yet. That is a fragment of 2 s and a second on a box that
# has time; an emulated one, whose mixer comes first, packs files late. And a picture or two, milliseconds:
CUT_MS_MAX=200
# How long the file on the card is that is being recorded, and how old what is not lasting yet, by the box's words, milliseconds.
recorded_ms() { api GET /state | field "next('%d %d' % (d['session_ms'], d['queue_ms']) for c in it['channels'] if c['id'] == 'main' for d in c['status']['destinations'] if d['id'] == 'card')"; }
# The time of a file's last picture, milliseconds.
length_ms() { ffprobe -v error -select_streams v -show_entries packet=pts_time -of csv=p=0 "$1" | tr -d , | sort -n | awk 'END { printf "%d", $1 * 1000 }'; }

part_power() {
    need_box
    set_up_channel
    be_live 20000
    local before cut took
    before=$(recordings)
    cut=$(guest 'ls -t /var/lib/bandstand/files/main/card/*.mp4 | head -n1' | tr -d '\r\n')
    [ -n "$cut" ] || stop_because "No file is being recorded."
    local recorded waits length
    read -r recorded waits <<<"$(recorded_ms)"
    power_cut
    [ "$((${recorded:-0} - ${waits:-0}))" -gt 2000 ] || stop_because "Of the file on the card only $((${recorded:-0} - ${waits:-0})) ms are lasting."
    power_on
    wait_for "The broadcast at the platform after the cut" 400 arrived "$before"
    took=$(since "$POWER_ON")
    wait_page
    local figures told file
    figures=$(boot_figures)
    wait_for "$PICTURES_MIN pictures at the platform after the cut" 300 enough_after "$before"
    on_air clip || stop_because "Something else than the clip is on air: $(status "['on_air']['source']")"
    told=$(check_recording)
    # The file that the cut was in the middle of: each of its whole fragments plays.
    take "$cut" "$RUN/cut.mp4" || stop_because "The file that was cut could not be fetched."
    [ "$(guest "sha256sum <'$cut'" | cut -c1-64)" = "$(sha256sum <"$RUN/cut.mp4" | cut -c1-64)" ] ||
        stop_because "The file that was cut did not arrive here whole."
    file=$("$HERE/frames.py" read "$RUN/cut.mp4" 2>"$RUN/cut.log") || stop_because "The file that was cut cannot be played: $file"
    length=$(length_ms "$RUN/cut.mp4" 2>>"$RUN/cut.log")
    [ "$length" -ge $((recorded - waits - CUT_MS_MAX)) ] ||
        stop_because "Of $recorded ms that were recorded, of which $waits were not lasting, $length are in the file that was cut."
    needs_repair && stop_because "/data needs somebody to repair it."
    guest 'touch /data/try && rm /data/try' || stop_because "/data cannot be written."
    local failed
    failed=$(guest 'systemctl --failed --plain --no-legend' | awk '{ print $1 }' | tr '\n' ' ')
    [ -z "$failed" ] || stop_because "Units failed after the cut: $failed"
    passed "power on to on air $took s ($figures); $told; the file that was cut has $length of $recorded ms, $waits were not lasting yet, and plays: $file"
}
