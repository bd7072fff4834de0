//! Secrets at rest: AES-256-GCM with a random nonce per secret.
//!
//! A sealed text is nonce (12 bytes), ciphertext, tag (16 bytes). What it belongs to is authenticated beside it,
//! so that a sealed text copied to another row does not open. The key lies in a file that only its owner reads;
//! on the appliance that file is a systemd credential. (LP-29; NIST SP 800-38D.)

use automation::secret::Secret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

const KEY_BYTES: usize = 32;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the key file {path} cannot be used")]
    File {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody else may read it.
    #[error("the key file {0} may be read by others: its mode must be 0600")]
    TooOpen(String),
    /// It does not hold 32 bytes.
    #[error("the key file {0} is damaged: it must hold 32 bytes")]
    Damaged(String),
}

/// A sealed text does not open: another key, another row, or a damaged file.
#[derive(Debug, thiserror::Error)]
#[error("a stored secret cannot be opened with this box's key")]
pub struct Unsealable;

/// Seals and opens secrets.
pub struct Sealer {
    key: RandomizedNonceKey,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// The sealer of a key file, which is made where it is absent.
    pub fn open(path: &Path) -> Result<Sealer, KeyError> {
        let name = || path.display().to_string();
        let failed = |source| KeyError::File { path: name(), source };
        let mut key = [0; KEY_BYTES];
        match File::open(path) {
            Ok(mut file) => {
                let about = file.metadata().map_err(failed)?;
                if about.mode() & 0o077 != 0 {
                    return Err(KeyError::TooOpen(name()));
                }
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map_err(failed)?;
                key = bytes.try_into().map_err(|_| KeyError::Damaged(name()))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                aws_lc_rs::rand::fill(&mut key).map_err(|_| failed(std::io::Error::other("no random numbers")))?;
                write_private(path, &key).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| KeyError::Damaged(name()))?;
        Ok(Sealer { key })
    }

    /// Seals a text that belongs to `owner`, for example `source/main/camera-1`.
    pub fn seal(&self, owner: &str, secret: &Secret) -> Vec<u8> {
        let mut body = secret.expose().as_bytes().to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(owner), &mut body)
            .expect("a text of a few kilobytes can be sealed");
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend_from_slice(&body);
        sealed
    }

    /// Opens what [`Sealer::seal`] made for the same owner.
    pub fn open_sealed(&self, owner: &str, sealed: &[u8]) -> Result<Secret, Unsealable> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(Unsealable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unsealable)?;
        let mut body = body.to_vec();
        let text = self.key.open_in_place(nonce, Aad::from(owner), &mut body).map_err(|_| Unsealable)?;
        Ok(Secret::new(std::str::from_utf8(text).map_err(|_| Unsealable)?))
    }
}

/// Writes a file that only its owner reads: beside it first, then in its place, so that no half file remains.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_opens_only_with_its_key_and_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let sealer = Sealer::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let secret = Secret::new("camera-password");
        let sealed = sealer.seal("source/main/a", &secret);
        assert!(!sealed.windows(6).any(|part| part == b"camera"));
        assert_ne!(sealed, sealer.seal("source/main/a", &secret), "a nonce is used once");
        let again = Sealer::open(&path).unwrap();
        assert_eq!(again.open_sealed("source/main/a", &sealed).unwrap(), secret);
        assert!(again.open_sealed("source/main/b", &sealed).is_err(), "it was moved to another row");
        assert!(again.open_sealed("source/main/a", &sealed[..20]).is_err());
        assert!(again.open_sealed("source/main/a", b"").is_err());
        let other = Sealer::open(&folder.path().join("other.key")).unwrap();
        assert!(other.open_sealed("source/main/a", &sealed).is_err());
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        std::fs::write(&path, [7; 32]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Sealer::open(&path), Err(KeyError::TooOpen(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, [7; 31]).unwrap();
        assert!(matches!(Sealer::open(&path), Err(KeyError::Damaged(_))));
    }
}
