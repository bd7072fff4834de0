//! Who may come in: the first sign-in code, passwords, sessions, and how often somebody may try.
//!
//! ```text
//! unclaimed ──right code + name + password──► claimed        (the code dies; it never comes back)
//!     claimed ──name + password──► session ──sign out, or 30 days unused──► none
//! ```
//! Wrong codes and passwords cost time and run into limits by address and by account. A session is 256 random bits
//! of which only the SHA-256 is stored.

use crate::clock::Clock;
use crate::doc::NAME_CHARS_MAX;
use crate::refusal::Refusal;
use crate::store::people::{self, Person};
use crate::store::{Store, seal};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use automation::fault::Code;
use automation::secret::Secret;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast};

/// The code's letters: digits and capitals without those that look like another (Crockford's base 32).
const CODE_LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of the code: 40 bits.
const CODE_LENGTH: usize = 8;
/// Name of the file that holds the code while nobody has an account.
pub const CODE_FILE: &str = "first-sign-in-code";

/// Memory per hash in KiB, and passes over it: bearable on a Pi (RFC 9106 names 19 MiB and 2 as a floor).
const HASH_KIB: u32 = 19 * 1024;
const HASH_PASSES: u32 = 2;
/// Hashes at a time, so that tries cannot take the box's memory.
const HASHES_MAX: usize = 2;
/// Bounds of a password, in characters.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// Tries in a row per address, and seconds until one more.
const TRIES_PER_ADDRESS: (u32, u64) = (5, 6);
/// Tries in a row per account, and seconds until one more.
const TRIES_PER_ACCOUNT: (u32, u64) = (10, 6);
/// Changes in a row per address, and the milliseconds until one more.
const CHANGES_PER_ADDRESS: (u32, u64) = (300, 20);
/// Known addresses and accounts beyond which those at rest are forgotten.
const LIMITED_MAX: usize = 1024;

/// A session's secret, as the cookie holds it: 64 hexadecimal digits.
pub type SessionKey = Secret;

/// Judges who may come in.
pub struct Doorkeeper {
    store: Store,
    clock: Clock,
    code_path: PathBuf,
    hashing: Arc<Semaphore>,
    /// A hash of nobody's password: an unknown name takes as long as a known one.
    decoy: String,
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    by_account: DefaultKeyedRateLimiter<String>,
    changes: DefaultKeyedRateLimiter<IpAddr>,
    ended: broadcast::Sender<[u8; 32]>,
}

impl Doorkeeper {
    /// A doorkeeper of this store. The code's file lies in the state folder.
    pub fn new(store: Store, clock: Clock, state: &Path) -> Result<Doorkeeper, Refusal> {
        Ok(Doorkeeper {
            store,
            clock,
            code_path: state.join(CODE_FILE),
            hashing: Arc::new(Semaphore::new(HASHES_MAX)),
            decoy: hash(&Secret::new("nobody's password"))?,
            by_address: limiter(TRIES_PER_ADDRESS.0, Duration::from_secs(TRIES_PER_ADDRESS.1)),
            by_account: limiter(TRIES_PER_ACCOUNT.0, Duration::from_secs(TRIES_PER_ACCOUNT.1)),
            changes: limiter(CHANGES_PER_ADDRESS.0, Duration::from_millis(CHANGES_PER_ADDRESS.1)),
            ended: broadcast::Sender::new(16),
        })
    }

    /// The code of the first sign-in, while nobody has an account. It is made once, and is the same after a restart.
    pub async fn first_code(&self) -> Result<Option<Secret>, Refusal> {
        if self.claimed().await? {
            let _ = std::fs::remove_file(&self.code_path);
            return Ok(None);
        }
        if let Some(code) = self.stored_code() {
            return Ok(Some(code));
        }
        let mut bytes = [0; CODE_LENGTH];
        fill(&mut bytes)?;
        let letters: Vec<u8> = bytes.iter().map(|byte| CODE_LETTERS[usize::from(byte % 32)]).collect();
        let (front, back) = letters.split_at(CODE_LENGTH / 2);
        let code = format!("{}-{}", String::from_utf8_lossy(front), String::from_utf8_lossy(back));
        seal::write_private(&self.code_path, format!("{code}\n").as_bytes())?;
        Ok(Some(Secret::new(code)))
    }

    fn stored_code(&self) -> Option<Secret> {
        let text = std::fs::read_to_string(&self.code_path).ok()?;
        let code = text.trim();
        (letters(code).len() == CODE_LENGTH).then(|| Secret::new(code))
    }

    /// Whether anybody has an account.
    pub async fn claimed(&self) -> Result<bool, Refusal> {
        self.store.read(|connection, _| people::claimed(connection)).await
    }

    /// Makes the first account, and signs it in.
    pub async fn claim(
        &self,
        from: IpAddr,
        code: &Secret,
        name: &str,
        password: &Secret,
    ) -> Result<(Person, SessionKey), Refusal> {
        self.may_try(from, "claim")?;
        if self.claimed().await? {
            return Err(Refusal::because(Code::Conflict, "This box has an account already. Sign in with it."));
        }
        let right = self.stored_code().is_some_and(|right| {
            aws_lc_rs::constant_time::verify_slices_are_equal(
                letters(right.expose()).as_bytes(),
                letters(code.expose()).as_bytes(),
            )
            .is_ok()
        });
        if !right {
            return Err(Refusal::new(Code::SignInRefused));
        }
        let person = Person { id: uuid::Uuid::now_v7().simple().to_string(), name: account_name(name)? };
        check_password(password)?;
        let hash = self.hashed(password.clone()).await?;
        let (key, digest) = new_session()?;
        let at_ms = self.clock.now().wall_ms;
        let made = person.clone();
        self.store
            .write(move |tx| {
                if people::claimed(tx)? {
                    return Err(Refusal::new(Code::Conflict));
                }
                people::insert(tx, &made, &hash, at_ms)?;
                people::begin_session(tx, &made, &digest, at_ms)
            })
            .await?;
        let _ = std::fs::remove_file(&self.code_path);
        Ok((person, key))
    }

    /// Signs somebody in.
    pub async fn sign_in(&self, from: IpAddr, name: &str, password: &Secret) -> Result<(Person, SessionKey), Refusal> {
        let name = name.trim().to_owned();
        self.may_try(from, &name.to_lowercase())?;
        let found = self.store.read(move |connection, _| people::by_name(connection, &name)).await?;
        let (person, stored) = match found {
            Some((person, hash)) => (Some(person), hash),
            None => (None, self.decoy.clone()),
        };
        let right = self.verified(password.clone(), stored).await?;
        let Some(person) = person.filter(|_| right) else { return Err(Refusal::new(Code::SignInRefused)) };
        let (key, digest) = new_session()?;
        let at_ms = self.clock.now().wall_ms;
        let who = person.clone();
        self.store.write(move |tx| people::begin_session(tx, &who, &digest, at_ms)).await?;
        Ok((person, key))
    }

    /// Whose session a cookie names.
    pub async fn person(&self, key: &SessionKey) -> Result<Option<Person>, Refusal> {
        let digest = digest(key);
        let at_ms = self.clock.now().wall_ms;
        let found = self.store.read(move |connection, _| people::of_session(connection, &digest, at_ms)).await?;
        let Some((person, stale)) = found else { return Ok(None) };
        if stale {
            self.store.write(move |tx| people::saw_session(tx, &digest, at_ms)).await?;
        }
        Ok(Some(person))
    }

    /// Signs somebody out.
    pub async fn sign_out(&self, key: &SessionKey) -> Result<(), Refusal> {
        let digest = digest(key);
        self.store.write(move |tx| people::end_session(tx, &digest)).await?;
        let _ = self.ended.send(digest);
        Ok(())
    }

    /// Waits until a session is signed out, for streams that outlast their request.
    pub async fn until_signed_out(self: Arc<Self>, key: SessionKey) {
        let digest = digest(&key);
        let mut ended = self.ended.subscribe();
        loop {
            match ended.recv().await {
                Ok(other) if other == digest => return,
                Ok(_) => {}
                // Too many at once to follow, or the house closes: better end one stream too many.
                Err(_) => return,
            }
        }
    }

    /// Whether one more change may come from this address.
    pub fn may_change(&self, from: IpAddr) -> Result<(), Refusal> {
        allow(&self.changes, &network(from))
    }

    fn may_try(&self, from: IpAddr, account: &str) -> Result<(), Refusal> {
        allow(&self.by_address, &network(from))?;
        allow(&self.by_account, &account.chars().take(NAME_CHARS_MAX).collect())
    }

    async fn hashed(&self, password: Secret) -> Result<String, Refusal> {
        let Ok(_permit) = self.hashing.acquire().await else { return Err(Refusal::new(Code::Internal)) };
        blocking(move || hash(&password)).await?
    }

    async fn verified(&self, password: Secret, stored: String) -> Result<bool, Refusal> {
        let Ok(_permit) = self.hashing.acquire().await else { return Err(Refusal::new(Code::Internal)) };
        blocking(move || {
            let parsed =
                PasswordHash::new(&stored).map_err(|error| Refusal::failed(Code::Internal, error.to_string()))?;
            Ok(hasher()?.verify_password(password.expose().as_bytes(), &parsed).is_ok())
        })
        .await?
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Refusal::failed(Code::Internal, error))
}

fn limiter<K: Clone + std::hash::Hash + Eq>(burst: u32, every: Duration) -> DefaultKeyedRateLimiter<K> {
    let quota = Quota::with_period(every).expect("a period is not zero");
    RateLimiter::keyed(quota.allow_burst(NonZeroU32::new(burst).expect("a burst is not zero")))
}

fn allow<K: Clone + std::hash::Hash + Eq>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<(), Refusal> {
    if limiter.len() > LIMITED_MAX {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|_| Refusal::new(Code::TooMany))
}

/// The address that counts: a person has a whole /64 of IPv6.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 => v4,
    }
}

/// The letters of a code as a person may have typed them.
fn letters(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    plain.take(2 * CODE_LENGTH).collect()
}

fn account_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    let count = name.chars().count();
    if count == 0 || count > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Refusal::wrong(Code::RequestInvalid, "name", "must be 1 to 100 characters in one line"));
    }
    Ok(name.to_owned())
}

fn check_password(password: &Secret) -> Result<(), Refusal> {
    if PASSWORD_CHARS.contains(&password.expose().chars().count()) {
        return Ok(());
    }
    Err(Refusal::wrong(Code::RequestInvalid, "password", "must be 8 to 256 characters"))
}

fn hasher() -> Result<Argon2<'static>, Refusal> {
    let params = Params::new(HASH_KIB, HASH_PASSES, 1, None)
        .map_err(|error| Refusal::failed(Code::Internal, error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &Secret) -> Result<String, Refusal> {
    let hash = hasher()?
        .hash_password(password.expose().as_bytes())
        .map_err(|error| Refusal::failed(Code::Internal, error.to_string()))?;
    Ok(hash.to_string())
}

fn fill(bytes: &mut [u8]) -> Result<(), Refusal> {
    aws_lc_rs::rand::fill(bytes).map_err(|error| Refusal::failed(Code::Internal, error.to_string()))
}

fn new_session() -> Result<(SessionKey, [u8; 32]), Refusal> {
    let mut bytes = [0; 32];
    fill(&mut bytes)?;
    let key = Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let digest = digest(&key);
    Ok((key, digest))
}

fn digest(key: &SessionKey) -> [u8; 32] {
    Sha256::digest(key.expose().as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn doorkeeper(folder: &Path) -> Doorkeeper {
        let store = Store::open(folder).unwrap();
        Doorkeeper::new(store, Clock::new().unwrap(), folder).unwrap()
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    #[tokio::test]
    async fn the_code_makes_one_account_and_dies() {
        let folder = tempfile::tempdir().unwrap();
        let door = doorkeeper(folder.path());
        let code = door.first_code().await.unwrap().unwrap();
        assert_eq!(code.expose().len(), 9);
        assert_eq!(doorkeeper(folder.path()).first_code().await.unwrap().unwrap(), code, "the same after a restart");
        let refused = door.claim(HERE, &secret("0000-0000"), "ann", &secret("long enough")).await.unwrap_err();
        assert_eq!(refused.code, Code::SignInRefused);
        let short = door.claim(HERE, &code, "ann", &secret("short")).await.unwrap_err();
        assert_eq!((short.code, short.wrongs[0].place.as_str()), (Code::RequestInvalid, "password"));
        let typed = secret(&code.expose().to_lowercase().replace('-', " ").replace('0', "o"));
        let (person, key) = door.claim(HERE, &typed, " Ann ", &secret("long enough")).await.unwrap();
        assert_eq!(person.name, "Ann");
        assert_eq!(door.person(&key).await.unwrap(), Some(person));
        assert!(door.first_code().await.unwrap().is_none());
        assert!(!folder.path().join(CODE_FILE).exists());
        let again = door.claim(HERE, &code, "bob", &secret("long enough")).await.unwrap_err();
        assert_eq!(again.code, Code::Conflict);
    }

    #[tokio::test]
    async fn sessions_begin_and_end() {
        let folder = tempfile::tempdir().unwrap();
        let door = Arc::new(doorkeeper(folder.path()));
        let code = door.first_code().await.unwrap().unwrap();
        door.claim(HERE, &code, "Änn", &secret("long enough")).await.unwrap();
        let (_, key) = door.sign_in(HERE, "Änn", &secret("long enough")).await.unwrap();
        assert!(door.person(&key).await.unwrap().is_some());
        assert!(door.person(&secret("0".repeat(64).as_str())).await.unwrap().is_none());
        let stream = tokio::spawn(door.clone().until_signed_out(key.clone()));
        tokio::task::yield_now().await;
        door.sign_out(&key).await.unwrap();
        assert!(door.person(&key).await.unwrap().is_none());
        stream.await.unwrap();
    }

    #[tokio::test]
    async fn tries_run_into_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let door = doorkeeper(folder.path());
        for _ in 0..TRIES_PER_ADDRESS.0 {
            let refused = door.sign_in(HERE, "nobody", &secret("guess")).await.unwrap_err();
            assert_eq!(refused.code, Code::SignInRefused);
        }
        let refused = door.sign_in(HERE, "nobody", &secret("guess")).await.unwrap_err();
        assert_eq!(refused.code, Code::TooMany);
        let other: IpAddr = "192.0.2.7".parse().unwrap();
        let refused = door.sign_in(other, "nobody", &secret("guess")).await.unwrap_err();
        assert_eq!(refused.code, Code::SignInRefused, "another address has tries of its own");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }
}
