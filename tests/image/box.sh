# shellcheck shell=bash
# The box in the machine, by its API, and a platform on this machine that it goes live to. Sourced by boot.sh.

ACCOUNT=venue
PASSWORD='first light 2026'
# The program: the same code path as any other, as small as two emulated cores carry.
HOUSE='{"width": 320, "height": 180, "rate": {"num": 15, "den": 1}, "video_kbps": 400, "audio_kbps": 96, "effort": "ultrafast"}'

# api METHOD PATH [JSON | @FILE]: asks the box; its answer on standard output, and an error where it is none of success.
api() {
    local body=()
    [ $# -lt 3 ] || body=(--data-binary "$3")
    local kind=application/json
    case ${3:-} in @*) kind=application/octet-stream ;; esac
    curl -sk --fail-with-body --max-time "${API_WITHIN_S:-60}" -X "$1" -b "$RUN/cookies" -c "$RUN/cookies" -H "content-type: $kind" \
        -H "origin: https://127.0.0.1:$HTTPS_PORT" -H 'x-bandstand: 1' "${body[@]}" \
        "https://127.0.0.1:$HTTPS_PORT/api/v1$2"
}

# must METHOD PATH [BODY]: the same, which ends the part where the box refuses.
must() {
    local answer
    answer=$(api "$@") || stop_because "$1 $2: $answer"
    printf '%s' "$answer"
}

# field EXPRESSION: of JSON on standard input, by a Python expression over `it`; nothing where there is none.
field() {
    python3 -c 'import json, sys
try:
    it = json.load(sys.stdin)
    value = eval(sys.argv[1])
    print("" if value is None else value)
except (LookupError, TypeError, ValueError):
    pass' "$1"
}

# status EXPRESSION: of the status of the channel `main`.
status() { api GET /state 2>/dev/null | field "next(c for c in it['channels'] if c['id'] == 'main')['status']$1"; }

# Makes the first account, as a person does with the code from the box's screen; or signs in where there is one.
claim() {
    local code
    rm -f "$RUN/cookies"
    code=$(guest 'cat /var/lib/bandstand/first-sign-in-code 2>/dev/null' | tr -d '\r\n ')
    if [ -n "$code" ]; then
        must POST /session/claim "{\"code\": \"$code\", \"name\": \"$ACCOUNT\", \"password\": \"$PASSWORD\"}" >/dev/null
    else
        must POST /session "{\"name\": \"$ACCOUNT\", \"password\": \"$PASSWORD\"}" >/dev/null
    fi
}

# A new box makes 720p30, of which an emulated processor makes a few pictures a second.
small_program() {
    [ "$(must GET /channels/main | field "it['house']['width']")" = 320 ] || must PATCH /channels/main "{\"house\": $HOUSE}" >/dev/null
}

# ---------------------------------------------------------------- the platform

PLATFORM_PID=

# An nginx with its RTMP module that records what arrives, one file a connection; and which serves updates by HTTP.
platform_on() {
    [ -z "$PLATFORM_PID" ] || return 0
    local folder=$RUN/platform
    rm -rf "$folder"
    mkdir -p "$folder/recordings"
    : "${PLATFORM_PORT:=$(free_port)}" "${FILES_PORT:=$(free_port)}"
    cat >"$folder/nginx.conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off;
master_process off;
pid $folder/nginx.pid;
lock_file $folder/nginx.lock;
error_log $folder/error.log notice;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path $folder/body;
  server { listen 127.0.0.1:$FILES_PORT; root $WORK/bundles; }
}
rtmp {
  access_log $folder/access.log;
  server {
    listen 127.0.0.1:$PLATFORM_PORT;
    chunk_size 4096;
    application live { live on; record all; record_unique on; record_path $folder/recordings; }
  }
}
CONF
    /usr/sbin/nginx -p "$folder" -c "$folder/nginx.conf" </dev/null >"$folder/nginx.log" 2>&1 &
    PLATFORM_PID=$!
    wait_for "The platform" 10 platform_listens
}
platform_listens() { (: <>"/dev/tcp/127.0.0.1/$PLATFORM_PORT") 2>/dev/null; }

platform_off() {
    [ -n "$PLATFORM_PID" ] || return 0
    kill "$PLATFORM_PID" 2>/dev/null
    wait "$PLATFORM_PID" 2>/dev/null
    PLATFORM_PID=
}

# The newest recording, and what the clip's frames say that arrived in it: lines of `frames.py read`.
recording() { find "$RUN/platform/recordings" -name '*.flv' -printf '%T@ %p\n' | sort -n | tail -n1 | cut -d' ' -f2-; }
recordings() { find "$RUN/platform/recordings" -name '*.flv' | wc -l; }
