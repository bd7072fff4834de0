# shellcheck shell=bash
# The box without a cable. The kernel plays three radios (mac80211_hwsim): the box's own, a guest's, and that of the venue's router,
# the latter two in network namespaces of their own. What they need besides comes on a drive: a client of DHCP, and what moves
# a radio. The box waits for less than it does at a venue, by a drop-in.

# Seconds until the access point comes, and until it looks for the Wi-Fi that it knows.
AFTER_S=20
RETRY_S=40
VENUE_PASSWORD='correct horse'

network_drive() {
    local folder=$RUN/radio
    rm -rf "$folder" "$RUN/radio.img"
    cp -r "$HERE/radio" "$folder"
    cp "$(readlink "$WORK/kernel")/board/usr/bin/busybox" "$folder/"
    cat >"$folder/guest.conf" <<CONF
ctrl_interface=/run/wpa-guest
network={
    ssid="OWN"
    key_mgmt=NONE
}
CONF
    cat >"$folder/venue.conf" <<CONF
ctrl_interface=/run/wpa-venue
network={
    ssid="Venue"
    mode=2
    frequency=2412
    key_mgmt=WPA-PSK
    proto=RSN
    pairwise=CCMP
    psk="$VENUE_PASSWORD"
}
CONF
    in_tools mksquashfs "$folder" "$RUN/radio.img" -quiet -no-progress >/dev/null || stop_because "The drive cannot be made."
}

# within NAMESPACE COMMAND…: in one of the machine's network namespaces.
within() { guest "ip netns exec $1 $2" "${3:-120}"; }
# Starts and ends what runs on in one.
begin_within() { guest "systemctl reset-failed test-$2 2>/dev/null; systemd-run --quiet --unit test-$2 -p NetworkNamespacePath=/run/netns/$1 $3" || stop_because "$2 does not start."; }
end_within() { guest "systemctl stop $(printf 'test-%s ' "$@")" >/dev/null; }

# by HOST METHOD PATH [JSON]: the API, from the machine itself: the cable is out. `by 10.42.0.1` is the guest on the access point.
by() {
    local where=
    [ "$1" = 127.0.0.1 ] || where="ip netns exec guest "
    guest "$where/run/radio/ask $1 $2 $3 '${4:-}'" 90
}
network_says() { [ "$(by 127.0.0.1 GET /network | field "$1")" = "$2" ]; }
# Said by NetworkManager and the kernel, whoever is signed in.
access_point_up() { guest 'ip -4 -brief address show wlan0 | grep -q 10.42.0.1 && nmcli -t -f NAME,STATE connection show --active | grep -q ^bandstand-access-point:activated'; }
access_point_gone() { guest 'ip -4 -brief address show wlan0 >/run/wlan0 && ! grep -q 10.42.0.1 /run/wlan0'; }
in_venue() { guest 'ip -4 -brief address show wlan0 | grep -q 10.77.0.'; }
guest_on() { within guest 'wpa_cli -p /run/wpa-guest -i wlan1 status' | grep -q wpa_state=COMPLETED; }
sign_in_within() { by "$1" POST /session "{\"name\": \"$ACCOUNT\", \"password\": \"$PASSWORD\"}" >/dev/null; }

# Two radios for who is not the box.
radios() {
    guest 'mkdir -p /run/radio && mount -o ro /dev/disk/by-id/virtio-further /run/radio' || stop_because "The drive cannot be mounted."
    guest 'modprobe mac80211_hwsim radios=3 && udevadm settle' || stop_because "The kernel plays no radios: $(guest 'dmesg | tail -n 3')"
    local pair name radio
    for pair in guest:wlan1 venue:wlan2; do
        name=${pair%:*} radio=${pair#*:}
        wait_for "$radio" 30 guest "nmcli device set $radio managed no"
        guest "ip netns add $name && ip -n $name link set lo up &&
            systemd-run --quiet --unit test-keep-$name -p NetworkNamespacePath=/run/netns/$name sleep infinity &&
            perl /run/radio/move.pl \$(cat /sys/class/net/$radio/phy80211/index) \$(systemctl show --property MainPID --value test-keep-$name) &&
            ip -n $name link set $radio up" || stop_because "$radio does not move."
    done
}

router_on() {
    begin_within venue router "/usr/sbin/wpa_supplicant -i wlan2 -c /run/radio/venue.conf"
    guest 'ip -n venue address replace 10.77.0.1/24 dev wlan2'
    begin_within venue leases "/usr/sbin/dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --interface=wlan2 --dhcp-range=10.77.0.10,10.77.0.50 --dhcp-option=option:ntp-server,10.77.0.1 --dhcp-leasefile=/run/venue.leases --pid-file="
}

part_network() {
    local name took begin said answer
    power_cut
    fresh_card
    network_drive
    power_on "$RUN/radio.img"
    wait_page
    claim
    guest 'for module in cdc_ether rndis_host cdc_ncm cdc_subset ipheth; do modprobe -n $module || exit 1; done' || stop_because "A driver of telephones is missing."
    guest "mkdir -p /run/systemd/system/bandstand.service.d && printf '[Service]\nEnvironment=BANDSTAND_ACCESS_POINT_AFTER_S=$AFTER_S BANDSTAND_ACCESS_POINT_RETRY_S=$RETRY_S\n' >/run/systemd/system/bandstand.service.d/test.conf && systemctl daemon-reload && systemctl restart bandstand"
    platform_on
    radios
    wait_page
    name=$(must GET /network | field "it['access_point']['name']")
    [ "$name" = "Bandstand-$(guest hostname | tr -d '\r\n' | cut -d- -f2 | tr a-f A-F)" ] || stop_because "The access point is called \"$name\"."
    guest "sed 's/OWN/$name/' /run/radio/guest.conf >/run/guest.conf"
    [ "$(must GET /network | field "[(one['kind'], one['state'], one['used']) for one in it['interfaces']]")" = "[('cable', 'connected', True), ('wifi', 'idle', False)]" ] ||
        stop_because "The interfaces are others: $(api GET /network)"

    cable off || stop_because "The cable cannot be pulled."
    begin=$(now)
    wait_for "The access point" 120 access_point_up
    took=$(since "$begin")
    begin_within guest client "/usr/sbin/wpa_supplicant -i wlan1 -c /run/guest.conf"
    wait_for "The guest on the access point" 90 guest_on
    within guest '/run/radio/busybox udhcpc -i wlan1 -n -q -t 10 -s /run/radio/lease' >/dev/null || stop_because "The guest gets no address."
    said=$(guest 'cat /run/test-lease' | tr -d '\r')
    case $said in 10.42.0.*' 10.42.0.1 10.42.0.1') ;; *) stop_because "The guest was given: $said" ;; esac
    for said in captive.apple.com connectivitycheck.gstatic.com "bandstand.local"; do
        answer=$(within guest "/run/radio/busybox nslookup $said 10.42.0.1")
        case $answer in *REFUSED*) stop_because "A question about $said is refused: $answer" ;; esac
        grep -A9 "^Name:.*$said" <<<"$answer" | grep -q '10\.42\.0\.1$' || stop_because "$said leads elsewhere: $answer"
    done
    said=$(within guest "bash -c 'exec 3<>/dev/tcp/10.42.0.1/80; printf \"GET /generate_204 HTTP/1.1\\r\\nHost: connectivitycheck.gstatic.com\\r\\n\\r\\n\" >&3; cat <&3'")
    case $said in 'HTTP/1.1 200'*'href="https://10.42.0.1"'*) ;; *) stop_because "Port 80 says: $said" ;; esac
    said=$(within guest "bash -c 'exec 3<>/dev/tcp/10.42.0.1/80; printf \"GET / HTTP/1.1\\r\\nHost: 10.42.0.1\\r\\n\\r\\n\" >&3; cat <&3'" | tr -d '\r')
    grep -qi '^location: https://10.42.0.1/$' <<<"$said" || stop_because "Port 80 points elsewhere: $said"
    within guest "bash -c 'printf \"GET / HTTP/1.1\\r\\nHost: 10.42.0.1\\r\\nConnection: close\\r\\n\\r\\n\" | timeout 60 openssl s_client -quiet -connect 10.42.0.1:443 2>/dev/null'" |
        grep -q '^HTTP/1.1 200' || stop_because "The page does not answer by HTTPS."

    router_on
    sign_in_within 10.42.0.1 || stop_because "Nobody can sign in by the access point."
    by 10.42.0.1 PUT /network/wifi '{"ssid": "Venue", "password": "wrong horse"}' >/dev/null || stop_because "The box takes no Wi-Fi."
    wait_for "The wrong password" 200 network_says "it['attempt']['state']" failed
    network_says "it['attempt']['fault']['code']" wifi_password_wrong || stop_because "It says: $(by 127.0.0.1 GET /network)"
    wait_for "The access point, after a wrong password" 60 access_point_up
    guest '! grep -rq Venue /data/connections' || stop_because "A Wi-Fi with a wrong password is kept."
    wait_for "The guest, once more" 120 guest_on
    [ "$(by 10.42.0.1 GET /network | field "it['attempt']['ssid']")" = Venue ] || stop_because "The guest is told nothing: $(by 10.42.0.1 GET /network)"
    by 10.42.0.1 PUT /network/wifi "{\"ssid\": \"Venue\", \"password\": \"$VENUE_PASSWORD\", \"country\": \"DE\"}" >/dev/null
    wait_for "The venue's Wi-Fi" 200 network_says "it['attempt']['state']" joined
    network_says "[one['used'] for one in it['interfaces'] if one['network'] == 'Venue']" '[True]' || stop_because "It says: $(by 127.0.0.1 GET /network)"
    network_says "it['country']" DE || stop_because "The country is not in force: $(by 127.0.0.1 GET /network | field "it['country']")"
    access_point_gone || stop_because "The access point is there, too."
    guest 'grep -rlq Venue /data/connections' || stop_because "The Wi-Fi is not kept."
    wait_for "The router's time server" 30 guest 'chronyc -n sources | grep -q 10.77.0.1'
    said=$(guest 'ip -4 -brief address show wlan0' | grep -o '10\.77\.0\.[0-9]*')
    within venue "bash -c 'printf \"GET / HTTP/1.1\\r\\nHost: $said\\r\\nConnection: close\\r\\n\\r\\n\" | timeout 60 openssl s_client -quiet -connect $said:443 2>/dev/null'" |
        grep -q '^HTTP/1.1 200' || stop_because "The page is not there in the venue's Wi-Fi."

    # A cable beside it comes first.
    cable on
    wait_for "The cable" 60 network_says "[(one['kind'], one['used']) for one in it['interfaces']]" "[('cable', True), ('wifi', False)]"
    guest 'ip route show default | grep -q "metric 100" && ip route show default | grep -q "dev wlan0 .*metric 600"' || stop_because "The metrics are: $(guest 'ip route show default')"
    cable off
    wait_for "The Wi-Fi, without the cable" 60 network_says "[one['used'] for one in it['interfaces'] if one['kind'] == 'wifi']" '[True]'

    # The venue's router fails, and comes back: nobody does anything.
    end_within client router leases
    begin=$(now)
    wait_for "The access point, without the venue's Wi-Fi" 200 access_point_up
    router_on
    wait_for "The venue's Wi-Fi, by itself" 400 in_venue
    access_point_gone || stop_because "The access point is there, too."
    by 127.0.0.1 DELETE "/network/wifi/$(by 127.0.0.1 GET /network | field "next(one['saved'] for one in it['wifi'] if one['ssid'] == 'Venue')")" >/dev/null
    wait_for "The access point, once more" 200 access_point_up
    cable on
    wait_for "The end of the access point" 60 access_point_gone
    wait_page
    [ "$(must GET /network | field "it['access_point']['up']")" = False ] || stop_because "It says: $(api GET /network)"

    # A telephone by USB stands by, and carries what leaves the box once the cable is gone.
    # QEMU's has the number of a Linux gadget: a driver takes it that speaks no DHCP with it, and udev keeps such a one to itself.
    guest 'mkdir -p /run/modprobe.d /run/udev/rules.d && echo "blacklist cdc_subset" >/run/modprobe.d/test.conf &&
        echo "SUBSYSTEM==\"net\", ENV{ID_NET_AUTO_LINK_LOCAL_ONLY}==\"1\", ENV{ID_NET_AUTO_LINK_LOCAL_ONLY}=\"0\"" >/run/udev/rules.d/99-test.rules &&
        udevadm control --reload' || stop_because "The telephone cannot be told from a gadget."
    monitor 'netdev_add user,id=phone,net=10.0.3.0/24' && monitor 'device_add usb-net,netdev=phone,id=phone,bus=usb.0' || stop_because "The telephone cannot be plugged in."
    wait_for "The telephone" 90 network_says "[(one['kind'], one['used'], one['addresses'][:1]) for one in it['interfaces'] if one['kind'] == 'phone']" "[('phone', False, ['10.0.3.15'])]"
    network_says "[(one['kind'], one['used']) for one in it['interfaces'] if one['kind'] != 'wifi']" "[('cable', True), ('phone', False)]" || stop_because "It says: $(by 127.0.0.1 GET /network)"
    cable off
    wait_for "The telephone's turn" 60 network_says "[one['used'] for one in it['interfaces'] if one['kind'] == 'phone']" '[True]'
    guest 'bash -c "exec 3<>/dev/tcp/10.0.3.2/'"$FILES_PORT"' && printf \"GET / HTTP/1.0\r\n\r\n\" >&3 && head -n1 <&3"' | grep -q ^HTTP || stop_because "Nothing leaves the box by the telephone."
    # That something does not come is seen by waiting for longer than it would take.
    sleep $((AFTER_S * 2))
    access_point_gone || stop_because "The access point came, although the telephone carries."
    cable on
    wait_for "The cable, again" 60 network_says "[(one['kind'], one['used']) for one in it['interfaces'] if one['kind'] != 'wifi']" "[('cable', True), ('phone', False)]"
    said=$(guest 'systemctl --failed --plain --no-legend' | awk '{ print $1 }' | tr '\n' ' ')
    [ -z "$said" ] || stop_because "Units failed: $said"
    power_cut
    passed "access point $took s after the cable went (waiting $AFTER_S s), its page, a wrong password, the venue's Wi-Fi, its return by itself, the cable, a telephone by USB without it"
}
