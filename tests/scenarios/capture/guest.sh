#!/bin/bash
# Inside the virtual machine: plugs devices in, and runs the test that machine.sh names. The machine's disk is this checkout's
# own machine, whose changes are forgotten.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp
source /run/capture/job || exit 1
ip link set lo up
plug() { modprobe -d "$KERNEL" "$@" || echo "The module $1 cannot be loaded."; }
# An HDMI input, and a webcam.
plug vivid n_devs=2 node_types=0x1,0x1 num_inputs=1,1 input_types=0x3,0x0
# The sound of the HDMI device, and a mixing desk: what is played into device 0 of a card comes out of its device 1.
plug snd-aloop enable=1,1 pcm_substreams=1,1

# play DEVICE MATRIX CHANNELS MASK: a tone, for as long as somebody listens, and anew.
play() {
    while :; do
        gst-launch-1.0 -q audiotestsrc freq=1000 volume=0.5 samplesperbuffer=4800 ! "audio/x-raw,rate=48000,channels=2" ! \
            audioconvert mix-matrix="$2" ! "audio/x-raw,format=S16LE,channels=$3,channel-mask=(bitmask)$4" ! \
            alsasink device="$1" buffer-time=200000 >/dev/null 2>&1
        busybox sleep 0.5
    done
}
stereo='<<(float)1,(float)0>,<(float)0,(float)1>>'
# The desk gives four channels, of which the last two are silent.
desk='<<(float)1,(float)0>,<(float)0,(float)1>,<(float)0,(float)0>,<(float)0,(float)0>>'
play hw:0,0 "$stereo" 2 0x3 &
play hw:1,0 "$desk" 4 0x33 &

for node in /dev/video*; do
    v4l2-ctl -d "$node" -c horizontal_movement=5 >/dev/null 2>&1
done
cd "$FOLDER" || exit 1
printf 'booted after %s s\n' "$(cut -d' ' -f1 /proc/uptime)"
BANDSTAND_CAPTURE_GUEST=1 "$PROGRAM" --nocapture --test-threads 1
echo "guest-result $?"
