# List what there is
default:
    @just --list

# Every test, with a summary; sets up the machine first
test:
    ./dev test

# One end-to-end scenario with its figures: first_light, bad_input, adoption
e2e NAME:
    ./dev e2e {{NAME}}

# Whole evenings in virtual time under seeded faults; one seed replays one evening
simulate SEED="":
    SIMULATE_SEED={{SEED}} cargo test --locked -p automation --test simulate -- --nocapture

# A benchmark against ffmpeg, written to target/bench/NAME.json: program; takes a quiet machine
bench NAME *ARGS:
    cargo build --locked -p channel
    cargo bench --locked --profile dev -p tests --bench {{NAME}} -- {{ARGS}}

# Licences, bans and sources of everything we build upon, by cargo-deny
deny:
    command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
    cargo deny --all-features check licenses bans sources

# The page by itself, against a mock of the API, rebuilt as its files change
ui:
    cd web-ui && npm ci --silent && npm run mock

# Formats everything
fmt:
    cargo fmt --all

# Lints everything, as the tests do
lint:
    cargo clippy --locked --workspace --all-targets -- -D warnings
