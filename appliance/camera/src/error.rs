//! Why a camera did not do what it was asked.

use automation::fault::{Code, Fault};

/// Why a camera did not do what it was asked. Its texts may be shown; they hold no password.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// Nobody answers there.
    #[error("it does not answer: {0}")]
    Unreachable(String),
    /// It was asked, and has not answered in time.
    #[error("it does not answer in time")]
    Silent,
    /// User name or password are wrong, or missing.
    #[error("it refuses the user name or password")]
    Refused,
    /// It would take the password in plain text only, and does not get it.
    #[error("it takes the password in plain text only, which is not sent over the network")]
    PlainPassword,
    /// What answers is no camera of this kind, or speaks nonsense.
    #[error("its answer is not understood: {0}")]
    NotUnderstood(String),
    /// More than is taken.
    #[error("its answer is larger than {0} bytes")]
    TooLarge(u64),
    /// It does not do this.
    #[error("{0}")]
    Unsupported(String),
    /// There is no such preset.
    #[error("it has no preset \"{0}\"")]
    NoPreset(String),
    /// It took a movement, and never said that it was done.
    #[error("after {seconds} s it has not said that it is at its preset \"{preset}\"")]
    Late {
        /// The preset.
        preset: String,
        /// How long it had, seconds.
        seconds: u64,
    },
    /// It says that it failed.
    #[error("it says: {0}")]
    Failed(String),
}

impl CameraError {
    /// The code under which the operator reads of it.
    pub fn code(&self) -> Code {
        match self {
            CameraError::Unreachable(_) | CameraError::Silent => Code::CameraUnreachable,
            CameraError::Refused | CameraError::PlainPassword => Code::CameraRefused,
            CameraError::NotUnderstood(_) | CameraError::TooLarge(_) => Code::CameraNotUnderstood,
            CameraError::Unsupported(_) => Code::CameraUnsupported,
            CameraError::NoPreset(_) => Code::PresetMissing,
            CameraError::Late { .. } | CameraError::Failed(_) => Code::MoveFailed,
        }
    }

    /// It as a fault about `subject`. `name` is the camera's, as the operator knows it.
    pub fn fault(&self, subject: &str, name: &str) -> Fault {
        Fault::new(self.code(), subject).with_text(format!("{name}: {self}."))
    }
}
