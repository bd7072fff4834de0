# List what there is
default:
    @just --list

# Every test, with a summary; sets up the machine first
test:
    ./dev test

# One end-to-end scenario with its figures; `./dev e2e` lists them
e2e NAME:
    ./dev e2e {{NAME}}

# 2000 evenings in virtual time under seeded faults; --many [N [FIRST]]: 1000 days of 24 hours, each 1.5 s of a core; a seed, or --day and a seed, replays one and tells what happened
simulate *ARGS="--evenings":
    cargo run --quiet --locked -p automation --example simulate -- {{ARGS}}

# Ten minutes of a real broadcast in which something breaks every 5 s: --seed N plays one again, --minutes M is its length, --only NAME,NAME strikes these alone
chaos *ARGS:
    ./dev chaos {{ARGS}}

# A broadcast for so long under faults of everything around the box, whose processes must not grow by 5 % after the first 3 minutes
soak MINUTES="30":
    ./dev soak {{MINUTES}}

# A benchmark against ffmpeg, written to target/bench/NAME.json: program; takes a quiet machine
bench NAME *ARGS:
    cargo build --locked -p channel
    cargo bench --locked --profile dev -p tests --bench {{NAME}} -- {{ARGS}}

# Licences, bans and sources of everything we build upon, by cargo-deny
deny:
    @PATH="$PWD/.state/tools/bin:$PATH" command -v cargo-deny >/dev/null || cargo install --locked --root .state/tools --version 0.20.2 cargo-deny
    PATH="$PWD/.state/tools/bin:$PATH" cargo deny --all-features check licenses bans sources

# The image for a Raspberry Pi, or for QEMU (virt): image/README.md
image TARGET="raspberrypi":
    ./dev image {{TARGET}}

# What the image's lane has no time for: versions that do not start, power cuts in an update; into image/RESULTS.md by hand
image-abuse:
    IMAGE_LIMIT_S=14400 ./dev test image abuse

# The image as it is handed on, compressed
image-compressed TARGET="raspberrypi":
    image/steps/compress {{TARGET}}

# An update of a box that runs the image, signed with this machine's keys
bundle TARGET="raspberrypi":
    image/steps/bundle {{TARGET}}

# Writes the image to a card, and reads it back; refuses a disk that is in use, and asks before it overwrites
flash DEVICE *ARGS:
    image/flash {{DEVICE}} {{ARGS}}

# The page by itself, built once, against a mock of the API
ui:
    cd web-ui && npm ci --silent && npm run build && npm run mock

# Formats everything
fmt:
    cargo fmt --all

# Lints everything, as the tests do
lint:
    cargo clippy --locked --workspace --all-targets -- -D warnings
