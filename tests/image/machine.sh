# shellcheck shell=bash
# The virtual machine that boots the image: QEMU's arm64 `virt`, without KVM, from a copy-on-write layer over the very file that
# `./dev image virt` made. U-Boot plays the Pi's firmware from a drive of its own. Sourced by boot.sh.

# Of the card that the image is written to, so that /data has something to grow into.
CARD_GIB=4
# How long things may take on two cores that emulate another processor.
PAGE_WITHIN_S=400
# Until QEMU has read itself and its drives, on a machine whose disk is busy with other work: seconds where it is not.
QEMU_WITHIN_S=180

RUN=$WORK/run
MEDIUM=$RUN/medium.qcow2
POWER_ON=0
QEMU_PID=

# A port of the loopback that nobody has.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# fresh_card [FILE…]: a card as it is after flashing, with these files on its first partition, as a person puts them there.
fresh_card() {
    local card=$WORK/virt/bandstand.img
    mkdir -p "$RUN"
    rm -f "$MEDIUM" "$RUN/card.img"
    if [ $# -gt 0 ]; then
        cp --sparse=always "$card" "$RUN/card.img"
        card=$RUN/card.img
        local sector
        sector=$(in_tools sfdisk --dump "$card" | sed -n 's/.*img1 : start= *\([0-9]*\),.*/\1/p')
        in_tools mcopy -i "$card@@$((sector * 512))" "$@" ::
    fi
    in_tools qemu-img create -q -f qcow2 -F raw -b "$card" "$MEDIUM" "${CARD_GIB}G"
}

# What the machine's own clock says at power on, as QEMU takes it; nothing is the time of this machine.
RTC=
# Further devices at power on, and the firmware's drive: words of QEMU, and a file.
DEVICES=()
FIRMWARE=$WORK/firmware.img

# power_on [DRIVE]: a cold start, with a further read-only drive where one is named.
power_on() {
    local further=()
    [ $# = 0 ] || further=(-drive "file=$1,format=raw,if=none,id=further,readonly=on" -device virtio-blk-pci,drive=further,serial=further)
    rm -f "$RUN/pid" "$RUN/started" "$RUN/shell" "$RUN/monitor"
    HTTPS_PORT=$(free_port)
    HTTP_PORT=$(free_port)
    : >"$RUN/console"
    POWER_ON=$(now)
    # It is alone in a session, and holds no pipe of ours. Its number is known before it is up, so that one that is late can be ended.
    (
        FURTHER_MOUNTS=()
        in_tools setsid --fork bash -c 'echo $$ >"$1.new" && mv "$1.new" "$1" && shift && exec "$@"' - "$RUN/pid" \
            qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -smp 2 -m 2048 -accel tcg,thread=multi \
            -display none -nodefaults -pidfile "$RUN/started" -bios /usr/lib/u-boot/qemu_arm64/u-boot.bin \
            -drive "file=$FIRMWARE,format=raw,if=none,id=firmware,snapshot=on" \
            -device virtio-blk-pci,drive=firmware,serial=firmware \
            -drive "file=$MEDIUM,format=qcow2,if=none,id=medium" -device virtio-blk-pci,drive=medium,serial=medium \
            "${further[@]}" ${RTC:+-rtc "$RTC"} \
            -netdev "user,id=net,hostfwd=tcp:127.0.0.1:$HTTPS_PORT-:443,hostfwd=tcp:127.0.0.1:$HTTP_PORT-:80" \
            -device virtio-net-pci,netdev=net,romfile= -device virtio-rng-pci \
            -device qemu-xhci,id=usb -monitor "unix:$RUN/monitor,server=on,wait=off" "${DEVICES[@]}" \
            -serial "file:$RUN/console" \
            -device virtio-serial-pci -chardev "socket,id=shell,path=$RUN/shell,server=on,wait=off" -device virtconsole,chardev=shell \
            </dev/null >"$RUN/qemu.log" 2>&1
    )
    local until=$((SECONDS + QEMU_WITHIN_S))
    QEMU_PID=
    until [ -s "$RUN/started" ]; do
        [ -n "$QEMU_PID" ] || [ ! -s "$RUN/pid" ] || QEMU_PID=$(<"$RUN/pid")
        if [ $SECONDS -ge $until ] || { [ -n "$QEMU_PID" ] && ! runs; }; then
            cat "$RUN/qemu.log"
            power_cut
            stop_because "QEMU did not start within $QEMU_WITHIN_S s, or ended."
        fi
        sleep 0.1
    done
    QEMU_PID=$(<"$RUN/pid")
}

now() { date +%s.%N; }
# Seconds since a moment, to a tenth.
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }

runs() { [ -n "$QEMU_PID" ] && kill -0 "$QEMU_PID" 2>/dev/null; }

# The plug is pulled: nothing of what the system has not written reaches the card, and the firmware's flag is gone.
power_cut() {
    runs || return 0
    kill -KILL "$QEMU_PID"
    while runs; do sleep 0.05; done
    QEMU_PID=
}

# monitor COMMAND: has QEMU do something, such as pulling out a plug.
monitor() { python3 "$HERE/monitor.py" "$RUN/monitor" "$1"; }

# cable on|off: plugs the machine's network cable in, or pulls it. Without it nothing of this machine reaches the box.
cable() { monitor "set_link net $1"; }

# guest COMMAND [SECONDS]: runs a command in the machine as root.
guest() { python3 "$HERE/guest.py" "$RUN/shell" "${2:-120}" "$1"; }

# take FILE TO: brings a file of the machine's here by its network. A console has lost bytes of long answers.
take() {
    local from port bytes
    exec {from}< <(python3 "$HERE/take.py" "$2")
    read -r port <&"$from" && guest "cat '$1' >/dev/tcp/10.0.2.2/$port" && read -r bytes <&"$from"
    exec {from}<&-
    [ "${bytes:-0}" -gt 0 ]
}

# A new box encodes more than an emulated processor can: its page has a twentieth of one, and takes its time.
page_status() { curl -sk -o /dev/null -w '%{http_code}' --max-time 60 "https://127.0.0.1:$HTTPS_PORT/" || true; }

# Waits until the page is served.
wait_page() {
    local until=$((SECONDS + ${1:-$PAGE_WITHIN_S}))
    until [ "$(page_status)" = 200 ]; do
        runs || stop_because "QEMU ended."
        [ $SECONDS -lt $until ] || stop_because "The page was not served in time."
        sleep 0.5
    done
}

# Waits for a condition: wait_for WHAT SECONDS COMMAND…
wait_for() {
    local what=$1 until=$((SECONDS + $2))
    shift 2
    until "$@"; do
        [ $SECONDS -lt $until ] || stop_because "$what did not come in time."
        sleep 1
    done
}
