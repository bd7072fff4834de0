//! Why something that was asked for is not done. HTTP is not known here; the API's edge turns a refusal into
//! an answer, and writes its cause to the log, never to the client.

use automation::fault::Code;
use automation::id::BadId;
use automation::spec::{Wrong, Wrongs};

/// A refusal: a stable code, a sentence for the operator, and where a document is wrong, every place.
#[derive(Debug, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct Refusal {
    /// Kind of refusal.
    pub code: Code,
    /// What was refused and why, with names; no secret.
    pub detail: String,
    /// Every wrong place of the document that was given.
    pub wrongs: Vec<Wrong>,
    /// What lies below, for the log only.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Refusal {
    /// A refusal with the words of its code.
    pub fn new(code: Code) -> Refusal {
        Refusal { code, detail: code.text().into(), wrongs: Vec::new(), cause: None }
    }

    /// A refusal with a sentence of its own.
    pub fn because(code: Code, detail: impl Into<String>) -> Refusal {
        Refusal { code, detail: detail.into(), wrongs: Vec::new(), cause: None }
    }

    /// A refusal that names what is wrong in the document that was given.
    pub fn wrongs(code: Code, wrongs: Vec<Wrong>) -> Refusal {
        let detail = match wrongs.as_slice() {
            [] => code.text().to_owned(),
            [first] => first.to_string(),
            [first, rest @ ..] => format!("{first}; and {} more", rest.len()),
        };
        Refusal { code, detail, wrongs, cause: None }
    }

    /// One wrong place.
    pub fn wrong(code: Code, place: impl Into<String>, reason: impl Into<String>) -> Refusal {
        Refusal::wrongs(code, vec![Wrong::new(place, reason)])
    }

    /// A failure of ours: the cause goes to the log.
    pub fn failed(code: Code, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Refusal {
        Refusal { code, detail: code.text().into(), wrongs: Vec::new(), cause: Some(cause.into()) }
    }

    /// There is no such thing.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Refusal {
        Refusal::because(Code::NotFound, format!("There is no {what} \"{id}\"."))
    }
}

impl From<Wrongs> for Refusal {
    fn from(wrongs: Wrongs) -> Refusal {
        Refusal::wrongs(Code::SpecInvalid, wrongs.0)
    }
}

impl From<BadId> for Refusal {
    fn from(bad: BadId) -> Refusal {
        Refusal::wrong(Code::RequestInvalid, "id", bad.to_string())
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Refusal {
        Refusal::failed(Code::StorageFailed, error)
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Refusal {
        Refusal::failed(Code::StorageFailed, error)
    }
}
