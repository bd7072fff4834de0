//! Names of things. An id is 1 to 64 characters of `a-z`, `0-9`, `-` and `_`, and begins with a letter
//! or a digit: it is safe in a path, a unit name, a URL and a log line.

use serde::{Deserialize, Serialize};

/// Longest id, in bytes: a unit name of systemd holds 255, and a path component of a socket far less.
pub const ID_BYTES_MAX: usize = 64;

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no id: use 1 to 64 of a-z, 0-9, - and _, beginning with a letter or a digit")]
pub struct BadId {
    /// The text as it was given, cut to the longest id.
    pub text: String,
}

fn check(text: &str) -> Result<(), BadId> {
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ok = !bytes.is_empty()
        && bytes.len() <= ID_BYTES_MAX
        && sound(bytes[0])
        && bytes.iter().all(|b| sound(*b) || *b == b'-' || *b == b'_');
    if ok {
        return Ok(());
    }
    Err(BadId { text: text.chars().take(ID_BYTES_MAX).collect() })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = String))]
        pub struct $name(String);

        impl $name {
            /// The id of this text, or why it is none.
            pub fn new(text: impl Into<String>) -> Result<$name, BadId> {
                let text = text.into();
                check(&text)?;
                Ok($name(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<$name, BadId> {
                $name::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A channel: one program, one encoder, one worker process.
    ChannelId
);
id!(
    /// A source of a channel: a camera, a publisher, a clip.
    SourceId
);
id!(
    /// A destination of a channel.
    DestinationId
);
id!(
    /// A timeline.
    TimelineId
);
id!(
    /// A cue on a timeline's track.
    CueId
);
id!(
    /// An uploaded file.
    AssetId
);
id!(
    /// One broadcast, from GO LIVE to END.
    SessionId
);
