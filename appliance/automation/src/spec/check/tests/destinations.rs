//! Destinations of each kind.

use super::{check, judge_channel, sound_channel};
use serde_json::{Value, json};

/// A destination by SRT, with other fields.
fn srt(fields: &[(&str, Value)]) -> Value {
    let mut one = json!({"id": "s", "name": "S", "enabled": true, "kind": "srt", "url": "srt://h:9000"});
    fields.iter().for_each(|(name, value)| one[*name] = value.clone());
    one
}

fn file(id: &str, folder: &str) -> Value {
    json!({"id": id, "name": "F", "enabled": true, "kind": "file", "folder": folder, "container": "mp4"})
}

#[test]
fn destinations() {
    check(
        sound_channel,
        judge_channel,
        &[
            (
                "/destinations/0/renew_hours",
                json!(481),
                &["destinations[0].renew_hours: must be from 1 to 480, not 481"],
            ),
            ("/destinations/0/authority", json!("x"), &["destinations[0].authority: must be certificates in PEM form"]),
            ("/destinations/0", srt(&[]), &[]),
            (
                "/destinations/0",
                srt(&[("passphrase", json!("short")), ("latency_ms", json!(10)), ("stream_id", json!("a\nb"))]),
                &[
                    "destinations[0].passphrase: must have 10 to 79 characters, not 5",
                    "destinations[0].stream_id: must be one line",
                    "destinations[0].latency_ms: must be from 20 to 8000, not 10",
                ],
            ),
            ("/destinations/0", file("f", "evenings"), &[]),
            ("/destinations/0", file("f", "../etc"), &["destinations[0].folder: must have 1 to 64 of a-z"]),
            (
                "/destinations",
                json!([file("f", "a"), file("g", "b"), file("h", "a")]),
                &["destinations[2].folder: another destination writes into this folder already"],
            ),
        ],
    );
}
