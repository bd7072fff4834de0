# shellcheck shell=bash
# A disk for recordings: prepared by the page, recorded on, pulled out and put back on air.

STICK=$RUN/stick.img
plug_in() { monitor "drive_add 0 if=none,id=stick,file=$STICK,format=raw" && monitor 'device_add usb-storage,id=stick,drive=stick,bus=usb.0'; }
# A stick with somebody's pictures.
plug_in_holidays() {
    rm -f "$STICK"
    truncate -s 4G "$STICK"
    in_tools mkfs.vfat -n HOLIDAY "$STICK" >/dev/null
    plug_in
}
pull_out() { monitor 'device_del stick'; }

disk() { api GET /disk | field "it$1"; }
disk_found() { [ "$(disk "['found'][0]['holds'][0]")" = "$1" ]; }
disk_ready() { [ "$(disk "['storage']['free_bytes'] > 0 and not it['preparing']")" = True ]; }
disk_away() { [ "$(disk "['storage'] is None")" = True ]; }
# Of the destination that writes to it.
on_disk() { api GET /state | field "[d for c in it['channels'] if c['id'] == 'main' for d in c['status']['destinations'] if d['id'] == 'disk'][0]$1"; }
records() { [ "$(on_disk "['state']")" = live ]; }
disk_missed() { [ "$(on_disk "['fault']['code']")" = destination_disk_missing ]; }

# prepare: has the only disk that is found prepared, and says how long it took.
prepare() {
    local begin name number
    name=$(disk "['found'][0]['name']") number=$(disk "['found'][0]['number']")
    begin=$(now)
    must POST /disk "{\"name\": \"$name\", \"number\": $number}" >/dev/null
    wait_for "The disk, prepared" 240 disk_ready
    since "$begin"
    [ -z "$(disk "['trouble']")" ] || stop_because "The page says: $(api GET /disk)"
}
# record_for_a_while: has the disk prepared and a broadcast recorded on it, for a while. The caller's `prepared` is how many seconds the one
# took, and its `before` how many recordings the platform had until then.
record_for_a_while() {
    prepared=$(prepare) || exit
    must POST /channels/main/destinations '{"id": "disk", "name": "Disk", "kind": "file", "medium": "disk", "folder": "evenings",
        "container": "mp4", "keep_mb": 1000, "leave_mb": 100, "enabled": true}' >/dev/null
    before=$(recordings)
    be_live 20000
    wait_for "The recording on the disk" 60 records
    wait_for "A while of it" 120 live_for 35000
}
# carried FILE: the disk is looked at here, as on a computer that it was carried to: after its journal was played there is nothing to
# repair, and there are two files that play. Says what is in them.
carried() {
    local files file told
    dd if="$1" of="$RUN/disk.ext4" bs=1M skip=1 conv=sparse status=none
    in_tools e2fsck -p "$RUN/disk.ext4" >"$RUN/fsck.log" 2>&1
    in_tools e2fsck -fn "$RUN/disk.ext4" >>"$RUN/fsck.log" 2>&1 || stop_because "The disk needs somebody to repair it: $(tail -n 5 "$RUN/fsck.log")"
    rm -rf "$RUN/disk"
    mkdir "$RUN/disk"
    in_tools debugfs -R "rdump /bandstand $RUN/disk" "$RUN/disk.ext4" >/dev/null 2>&1
    mapfile -t files < <(find "$RUN/disk" -name '*.mp4' -size +1k | sort)
    [ ${#files[@]} = 2 ] || stop_because "There are ${#files[@]} files on the disk, not one from before and one from after: ${files[*]}"
    for file in "${files[@]}"; do
        told=$("$HERE/frames.py" read "$file" 2>"$RUN/disk.log") || stop_because "$file cannot be played: $(<"$RUN/disk.log")"
        printf '; %s: %s' "$(basename "$file")" "$told"
    done
    rm -f "$1" "$RUN/disk.ext4"
}

part_disk() {
    need_box
    set_up_channel
    end_live
    local kind before sessions since_ms begin prepared back told
    plug_in_holidays
    wait_for "The disk on the page" 60 disk_found HOLIDAY
    # What the system runs from is no disk, whatever somebody asks for.
    kind=$(api POST /disk "{\"name\": \"vdb\", \"number\": 2}" | field "it['wrongs'][0]['place']")
    [ "$kind" = name ] || stop_because "The card itself was not refused: $kind"
    record_for_a_while
    sessions=$(recordings)
    [ "$sessions" = $((before + 1)) ] || stop_because "The platform has $((sessions - before)) sessions."
    pull_out
    wait_for "The fault that it is not there" 60 disk_missed
    wait_for "The page's word that it is away" 60 disk_away
    guest '! ls -A /media/recordings | grep -q .' || stop_because "Something was written in the disk's place."
    since_ms=$(live_ms)
    wait_for "The broadcast without it" 60 live_for $((since_ms + 10000))
    plug_in
    begin=$(now)
    wait_for "The recording, again" 90 records
    back=$(since "$begin")
    since_ms=$(live_ms)
    wait_for "A while of it" 120 live_for $((since_ms + 20000))
    wait_for "$PICTURES_MIN pictures at the platform" 240 enough_after "$before"
    told=$(check_recording)
    [ "$(recordings)" = "$sessions" ] || stop_because "The broadcast did not go on in its session: $(recordings), not $sessions."
    end_live
    must DELETE /channels/main/destinations/disk >/dev/null
    pull_out
    wait_for "The page's word that it is away" 60 disk_away

    told+=$(carried "$STICK") || exit
    passed "prepared in $prepared s; pulled out on air, recording again $back s after it was put back, in the same session: $told"
}

# The same disk in the box for good, as an NVMe: the plug is pulled while it is recorded on, and it is there when the power comes.
part_nvme() {
    local inside=$RUN/nvme.img model prepared before told
    rm -f "$inside"
    truncate -s 4G "$inside"
    power_cut
    fresh_card
    DEVICES=(-drive "file=$inside,format=raw,if=none,id=inside" -device nvme,drive=inside,serial=inside)
    power_on
    wait_page
    claim
    set_up_channel
    model=$(disk "['found'][0]['model']")
    [ "$(disk "['found'][0]['name']")" = nvme0n1 ] || stop_because "The NVMe is not found: $(api GET /disk)"
    record_for_a_while
    power_cut
    power_on
    wait_for "The broadcast at the platform after the cut" 400 arrived $((before + 1))
    wait_page
    wait_for "The recording on the disk after the cut" 60 records
    wait_for "A while of it" 120 live_for 20000

    # One disk is used at a time: a second one is not taken.
    plug_in_holidays
    wait_for "The second disk on the page" 60 second_found
    [ "$(refused_second)" = on_air ] || stop_because "The second disk was not refused on air: $(refused_second)"
    end_live
    [ "$(refused_second)" = conflict ] || stop_because "The second disk was not refused: $(refused_second)"
    pull_out
    guest 'sync'
    power_cut
    DEVICES=()
    rm -f "$STICK"
    told=$(carried "$inside") || exit
    passed "$model, prepared in $prepared s; after the plug was pulled it is recorded on again by itself, a second disk is refused$told"
}
refused_second() { api POST /disk "{\"name\": \"sda\", \"number\": $(disk "['found'][1]['number']")}" | field "it['code']"; }
second_found() { [ "$(disk "['found'][1]['name']")" = sda ]; }
