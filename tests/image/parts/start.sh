# shellcheck shell=bash
# Power on, /data, and the first sign-in.

# Seconds from power on until the boot's end; the kernel's, which is counted from its own start, and user space's; and how long our own units
# took to start, one added to the other, though they start beside each other and beside the rest; but for a trial.
boot_figures() {
    wait_for "The end of the boot" 240 booted
    guest 'systemd-analyze time; systemd-analyze blame --no-pager' | tr -d '\r' | awk '
        /^Startup finished/ { sub(/^Startup finished in /, ""); sub(/ \(kernel\) \+ /, ", user space "); sub(/ \(userspace\).*/, ""); told = "kernel " $0 }
        $NF ~ /^bandstand/ && $NF !~ /^bandstand-trial/ {
            for (i = 1; i < NF; i++) ours += $i ~ /min$/ ? $i * 60 : $i ~ /ms$/ ? $i / 1000 : $i ~ /us$/ ? $i / 1000000 : $i + 0
        }
        END { printf "%s; our units, added up, %.1f s", told, ours }'
}
booted() { guest 'systemctl is-system-running' | grep -qE '^(running|degraded)'; }

# A machine that serves the page.
need_page() {
    if ! runs; then
        fresh_card
        power_on
        wait_page
    fi
}

# answers_by_name: the name of the box, with .local, leads to an address of the box, by mDNS, in IPv4 (0) and IPv6 (1).
answers_by_name() {
    local protocol
    for protocol in 0 1; do
        guest 'a=$(busctl --timeout=10 call org.freedesktop.Avahi / org.freedesktop.Avahi.Server ResolveHostName iisiu -- -1 -1 "$(hostname).local" '"$protocol"' 0 |
            cut -d\" -f4) && [ -n "$a" ] && ip -oneline address | grep -qF " ${a%%%*}/"' || return 1
    done
}

signed_in() { [ -s "$RUN/cookies" ] && [ "$(api GET /session | field "it['user']")" = "$ACCOUNT" ]; }

# The same, and an account.
need_box() {
    need_page
    signed_in || claim
}

part_page() {
    local took failed
    fresh_card
    power_on
    wait_page
    took=$(since "$POWER_ON")
    local figures
    figures=$(boot_figures)
    failed=$(guest 'systemctl --failed --plain --no-legend' | awk '{ print $1 }' | tr '\n' ' ')
    [ -z "$failed" ] || stop_because "Units failed: $failed"
    [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 10 "http://127.0.0.1:$HTTP_PORT/")" != 200 ] ||
        stop_because "The page is served without HTTPS."
    wait_for "The answer by mDNS, in IPv4 and IPv6, to the name of a new box" 60 answers_by_name
    passed "power on to page $took s ($figures); found by its name"
}

part_data() {
    need_page
    local size type mib
    read -r size type <<<"$(guest "findmnt -bno SIZE,FSTYPE /data")"
    mib=$((size >> 20))
    [ "$type" = ext4 ] || stop_because "/data is $type."
    # The card less both slots, the boot partitions, and what the file system takes for itself.
    [ "$mib" -gt $(((CARD_GIB * 1024 - AUTOBOOT_MIB - 2 * BOOT_MIB - 2 * ROOT_MIB) * 9 / 10)) ] ||
        stop_because "/data has $mib MiB: it was not grown."
    guest 'findmnt -no SOURCE /var/lib/bandstand | grep -q "/bandstand"' || stop_because "/var/lib/bandstand is not on /data."
    guest '! touch /etc/try /usr/try 2>/dev/null' || stop_because "The root can be written."
    guest 'swapon --noheadings --show=NAME | grep -qv zram' && stop_because "There is swap that is not zram."
    guest 'test "$(cat /proc/sys/net/ipv4/tcp_retries2)" = 8 && test "$(cat /proc/sys/net/ipv4/tcp_notsent_lowat)" = 131072' ||
        stop_because "The kernel's settings for sockets are not in force."
    guest 'test "$(cat /proc/sys/kernel/panic)" = 10 && findmnt -no FSTYPE /tmp | grep -q tmpfs && ! ls -d /var/log/journal 2>/dev/null' ||
        stop_because "A panic that stays, a /tmp on the card, or a journal on the card."
    passed "/data grown to $mib MiB of a card of $CARD_GIB GiB"
}

part_claim() {
    need_page
    guest 'test -s /var/lib/bandstand/first-sign-in-code' || stop_because "There is no first sign-in code."
    local begin code
    begin=$(now)
    claim
    local took
    took=$(since "$begin")
    [ "$(must GET /session | field "it['user']")" = "$ACCOUNT" ] || stop_because "Nobody is signed in."
    guest 'test ! -e /var/lib/bandstand/first-sign-in-code' || stop_because "The code is still there."
    code=$(curl -sk -o /dev/null -w '%{http_code}' --max-time 20 -X POST -H 'content-type: application/json' -H 'x-bandstand: 1' \
        -H "origin: https://127.0.0.1:$HTTPS_PORT" -d '{"code": "AAAA-AAAA", "name": "other", "password": "another one 2026"}' \
        "https://127.0.0.1:$HTTPS_PORT/api/v1/session/claim")
    [ "$code" -ge 400 ] || stop_because "A second claim was taken ($code)."
    [ "$(must GET /channels/main | field "it['house']['height']")" = 720 ] || stop_because "A new box's programme has another format: $(api GET /channels/main)"
    passed "claimed in $took s"
}

# What a person puts on the card before its first start.
GIVEN='[venue]
name = "Hall of tests"
claim_code = "K7QX-99AB"
[[channels]]
name = "Main hall"
[[destinations]]
name = "Platform"
url = "rtmp://10.0.2.2:1935/live"
stream_key = "abcd-efgh"
[novel]
key = 1
'

part_given() {
    local file=$RUN/bandstand.toml imager=$RUN/rpi-preseed.toml name code channel told
    power_cut
    mkdir -p "$RUN"
    printf '%s' "$GIVEN" >"$file"
    printf 'config_version = "1.1"\n[system]\nhostname = "hall"\n[locale]\ntimezone = "Asia/Calcutta"\n' >"$imager"
    fresh_card "$file" "$imager"
    RTC=base=2019-05-04T03:02:01
    power_on
    RTC=
    wait_page
    name=$(guest 'hostname' | tr -d '\r\n ')
    [ "$name" = hall ] || stop_because "The box is called \"$name\", not \"hall\"."
    wait_for "The answer by mDNS that hall.local is this box" 60 answers_by_name
    rm -f "$RUN/cookies"
    must POST /session/claim "{\"code\": \"k7qx 99ab\", \"name\": \"$ACCOUNT\", \"password\": \"$PASSWORD\"}" >/dev/null
    channel=$(must GET /channels/main | field "it['name']")
    [ "$channel" = "Main hall" ] || stop_because "The channel is called \"$channel\"."
    [ "$(must GET /channels/main/destinations | field "it[0]['name'] + ' ' + it[0]['url']")" = "Platform rtmp://10.0.2.2:1935/live" ] ||
        stop_because "The destination is another one."
    [ "$(must GET /time-zone | field "it['zone'] + ' ' + str('Europe/London' in it['zones'])")" = "Asia/Kolkata True" ] ||
        stop_because "The time zone is another one: $(api GET /time-zone)"
    guest 'test -d /run/chrony-dhcp' || stop_because "Nobody looked whether the network names time servers."
    told=$(guest 'cat /autoboot/bandstand.toml /autoboot/bandstand-report.txt')
    case $told in *K7QX* | *abcd-efgh*) stop_because "A secret is still on the card." ;; esac
    grep -q 'novel` is unknown' <<<"$told" || stop_because "What it did not understand is not in the report: $told"
    guest '! test -e /var/lib/bandstand/seed.json' || stop_because "The document with the stream key is still there."
    code=$(guest 'systemctl show --property Result --value bandstand-first-boot bandstand-screen' | tr -d '\r' | tr '\n' ' ')
    [ "$(tr -d ' ' <<<"$code")" = successsuccess ] || stop_because "A unit failed: $code"
    guest 'tr -d "\0" </dev/vcs1 | grep -q "https://hall.local"' || guest 'systemctl is-active --quiet bandstand-screen' ||
        stop_because "Nothing says where the page is."
    local off
    # A network that knows the time would tell it.
    guest 'ip route replace blackhole 0.0.0.0/1 && ip route replace blackhole 128.0.0.0/1' || stop_because "The routes cannot be closed."
    [ "$(must GET /state | field "it['box']['clock_trusted']")" = False ] || stop_because "It trusts a clock of 2019."
    time_on
    guest "chronyc add server 10.0.2.2 port $TIME_PORT iburst minpoll 2 maxpoll 4" >/dev/null || stop_because "chrony takes no server."
    wait_for "The right time" 120 clock_trusted
    off=$(($(guest 'date +%s' | tr -d '\r') - $(date +%s)))
    [ "${off#-}" -le 3 ] || stop_because "The clock is $off s off."
    passed "name, code, time zone, channel and destination are those of the card; no secret is left on it; a clock of 2019 is not trusted until the network tells the time"
}
# Whose session began years ago signs in anew.
clock_trusted() {
    signed_in || api POST /session "{\"name\": \"$ACCOUNT\", \"password\": \"$PASSWORD\"}" >/dev/null
    [ "$(api GET /state | field "it['box']['clock_trusted']")" = True ]
}

# A server of the time on this machine.
TIME_PID=
time_on() {
    TIME_PORT=$(free_port)
    "$HERE/ntp.py" "$TIME_PORT" >"$RUN/ntp.log" 2>&1 &
    TIME_PID=$!
    wait_for "The server of the time" 10 grep -q ready "$RUN/ntp.log"
}
time_off() {
    [ -z "$TIME_PID" ] || kill "$TIME_PID" 2>/dev/null
    TIME_PID=
}
