# shellcheck shell=bash
# Where things lie, what a step's result is called, and how a command runs in the tools root. Every step reads this first.
#
# A step's result is kept under a name that holds the hash of everything that it was made from, so that nothing is built twice
# and nothing stale is taken. Big ones lie outside the clone, where `git clean` does not reach.

IMAGE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(dirname "$IMAGE")
# Kept between builds and between clones.
CACHE=${BANDSTAND_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bandstand}
# What is built from this clone.
WORK=$REPO/target/image

SUITE=trixie
# Seconds that apt waits for another apt.
APT_WAIT_S=400
# Of everything whose time would else be the time of the build: the last change of the sources.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$REPO" log -1 --format=%ct 2>/dev/null || echo 1767225600)}
export SOURCE_DATE_EPOCH

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# key FILE-OR-WORD…: a short hash over files' contents and other words.
key() {
    local one
    for one in "$@"; do
        if [ -d "$one" ]; then
            (cd "$one" && find . -type f -printf '%m ' -print0 -exec sha256sum {} + | LC_ALL=C sort -z)
        elif [ -f "$one" ]; then
            cat "$one"
        else
            printf '%s\0' "$one"
        fi
    done | sha256sum | cut -c1-12
}

# names FILE: its words, without comments.
names() { sed 's/#.*//' "$1" | tr -s ' \t\n' '\n' | sed '/^$/d'; }

# Prints the mirror that this machine's own apt uses for its release, or `-security` of it.
mirror() {
    local codename site
    # A mirror that keeps what was on a certain day, to build an old image again.
    case $1 in
    '') site=${BANDSTAND_MIRROR:-} ;;
    *) site=${BANDSTAND_SECURITY_MIRROR:-} ;;
    esac
    [ -z "$site" ] || { printf '%s\n' "${site%/}"; return; }
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    site=$(apt-get indextargets --format '$(SITE) $(RELEASE)' | awk -v r="$codename$1" '$2 == r { print $1; exit }')
    [ -n "$site" ] || fail "This machine's apt knows no mirror of $codename$1. Add one, run apt-get update, and try again."
    printf '%s\n' "${site%/}"
}

# sources [SUITE…]: apt's list for the image's release, from this machine's own mirrors; further suites behind it.
sources() {
    local main security keyring=/usr/share/keyrings/debian-archive-keyring.gpg suite
    main=$(mirror '')
    security=$(mirror -security)
    local parts="main non-free-firmware"
    for suite in "$SUITE" "$SUITE-updates" "$SUITE-backports" "$@"; do
        printf 'deb [signed-by=%s] %s %s %s\n' "$keyring" "$main" "$suite" "$parts"
    done
    printf 'deb [signed-by=%s] %s %s-security %s\n' "$keyring" "$security" "$SUITE" "$parts"
}

# The folder of the tools root that `steps/tools` made.
tools_root() { printf '%s/tools-%s\n' "$CACHE" "$(key "$IMAGE/steps/tools" "$IMAGE/packages/tools")"; }

# Folders besides this clone and the cache that a command in the tools root sees.
FURTHER_MOUNTS=()
# Variables besides those below that it has.
COMMAND_ENVIRONMENT=()

# in_tools COMMAND…: runs a command as root in the tools root, with this clone, the cache and /dev, /proc and /sys where they
# are here. Its mounts end with it.
in_tools() {
    local root
    root=$(tools_root)
    [ -e "$root/complete" ] || fail "The tools root is missing: image/steps/tools makes it."
    mkdir -p "$WORK" "$CACHE"
    unshare --mount --propagation private bash -euc '
        root=$1 repo=$2 cache=$3 here=$4 further=$5 environment=$6
        shift 6
        mount --rbind /dev "$root/dev"
        mount --rbind /sys "$root/sys"
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=1777 tmp "$root/tmp"
        for folder in "$repo" "$cache" "${@:1:further}"; do
            mkdir -p "$root$folder"
            mount --rbind "$folder" "$root$folder"
        done
        shift "$further"
        exec chroot "$root" /usr/bin/env -i "${@:1:environment}" \
            HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb \
            SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" QEMU_CPU=cortex-a57 IN_TOOLS=1 BANDSTAND_CACHE="$cache" \
            bash -euc "cd \"\$1\" && shift && exec \"\$@\"" - "$here" "${@:environment + 1}"
    ' - "$root" "$REPO" "$CACHE" "$PWD" ${#FURTHER_MOUNTS[@]} ${#COMMAND_ENVIRONMENT[@]} \
        "${FURTHER_MOUNTS[@]}" "${COMMAND_ENVIRONMENT[@]}" "$@"
}

# within_tools WORD…: goes on with the step in the tools root: the step calls it first, with its own arguments.
within_tools() {
    [ "${IN_TOOLS:-}" = 1 ] && return
    in_tools "$IMAGE/steps/$(basename "$0")" "$@"
    exit
}

# done_in SECONDS-AT-BEGIN WHAT: says how long a step took, here and in the table of times.
done_in() {
    local took=$((SECONDS - $1))
    mkdir -p "$WORK"
    printf '%s\t%d s\n' "$2" "$took" >>"$WORK/times"
    say "$2: $took s"
}

# The signature of the medium's MBR, by which the system finds its partitions whatever the disk is called.
SIGNATURE=ba5d57a2
# Sizes of the partitions in MiB; README.md says what for.
AUTOBOOT_MIB=32
BOOT_MIB=128
ROOT_MIB=512
DATA_MIB=64

# target WORD: the kind of image, or an error.
target() {
    case ${1:-} in
    raspberrypi | virt) printf '%s\n' "$1" ;;
    *) fail "The kinds of image are raspberrypi and virt, not \"${1:-}\"." ;;
    esac
}
