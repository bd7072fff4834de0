//! The `bandstand` program.

use std::io::Write;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("openapi") {
        let text = control::api::openapi::text(&control::api::table::table());
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
}
