//! What is wanted, kept: SQLite in WAL mode, one thread that writes, a few connections that read.
//!
//! ```text
//! commands ──change──► writer: transaction { do it; build every spec; } ─► commit ─► wanted (watch)
//!     │                          any wrong ─► roll back, nothing stored
//!     └─────read────► one of the reading connections
//! ```
//! A change that would make a channel's spec inconsistent is rolled back, so what is stored always parses.
//! `synchronous=FULL`: what was answered is on the disk. A power cut right after GO LIVE must bring that broadcast back,
//! and one right after END must not. Writes are few: people's changes, and the log of a broadcast twice a minute.

pub mod alerts;
pub mod assets;
pub mod channels;
pub mod destinations;
pub mod executions;
pub mod people;
mod schema;
pub mod seal;
pub mod settings;
pub mod sources;
pub mod timelines;
pub mod wanted;

pub use wanted::{Wanted, WantedChannel};

use crate::refusal::Refusal;
use automation::fault::Code;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use seal::{KeyError, Sealer};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// Changes that wait for the writer; beyond it, callers wait.
const WRITES_QUEUED_MAX: usize = 64;
/// Reading connections: pages and streams of one venue need no more.
const READERS: usize = 2;
/// How long a statement waits for another process, such as a backup, milliseconds.
const BUSY_MS: u64 = 5_000;
/// Name of the database below the state folder.
pub const DATABASE: &str = "bandstand.db";
/// Name of the key file below the state folder.
pub const KEY_FILE: &str = "secret.key";

/// Looks into the database without changing it, also while it is in use. A sentence on what was found, or on what is wrong.
pub fn examine(state: &Path) -> Result<String, String> {
    let path = state.join(DATABASE);
    if !path.exists() {
        return Err(format!("{} is not there.", path.display()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let look = || -> rusqlite::Result<(String, i64)> {
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
        let said = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        Ok((said, connection.query_row("SELECT count(*) FROM channels", [], |row| row.get(0))?))
    };
    match look() {
        Ok((said, channels)) if said == "ok" => Ok(format!("It is whole; {channels} channels.")),
        Ok((said, _)) => Err(format!("It is damaged: {said}.")),
        Err(error) => Err(format!("It cannot be read: {error}.")),
    }
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened, or is none of ours.
    #[error("the database {path} cannot be opened")]
    Database {
        /// Where.
        path: String,
        /// Why.
        source: rusqlite::Error,
    },
    /// Its tables are newer than this program, or a step failed.
    #[error("the tables of {path} cannot be brought to this version")]
    Migration {
        /// Where.
        path: String,
        /// Why.
        source: rusqlite_migration::Error,
    },
    /// The key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What is stored does not fit together.
    #[error("what is stored in {path} does not fit together: {reason}")]
    Inconsistent {
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
    /// No thread for the writer.
    #[error("the writing thread cannot be started")]
    Thread(#[source] std::io::Error),
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    readers: Arc<Readers>,
    wanted: Arc<watch::Sender<Arc<Wanted>>>,
    context: Context,
}

/// What rows need beside their connection.
#[derive(Clone, Debug)]
pub struct Context {
    /// Seals and opens secrets.
    pub sealer: Arc<Sealer>,
    /// Folder of uploaded files, absolute.
    pub assets: PathBuf,
    /// The address of this machine on which sources wait that are sent to.
    pub listen: IpAddr,
}

struct Readers {
    permits: Semaphore,
    connections: Mutex<Vec<Connection>>,
}

impl Store {
    /// Opens the store of a state folder, and makes it where it is absent. Sources are reached from this machine only.
    pub fn open(state: &Path) -> Result<Store, OpenError> {
        Store::open_listening(state, IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// The same, with sources that wait on another address of this machine.
    pub fn open_listening(state: &Path, listen: IpAddr) -> Result<Store, OpenError> {
        let path = state.join(DATABASE);
        let name = path.display().to_string();
        let failed = |source| OpenError::Database { path: name.clone(), source };
        let context = Context {
            sealer: Arc::new(Sealer::open(&state.join(KEY_FILE))?),
            assets: std::path::absolute(state.join("assets")).unwrap_or_else(|_| state.join("assets")),
            listen,
        };
        let mut writer = Connection::open(&path).map_err(failed)?;
        prepare(&writer).map_err(failed)?;
        let back = schema::step_back(&mut writer).map_err(failed)?;
        if back > 0 {
            tracing::warn!(back, "the tables are those of a newer version, and were taken back");
        }
        // The way back first: a power cut behind the steps must find it.
        schema::leave_way_back(&mut writer).map_err(failed)?;
        schema::migrations()
            .to_latest(&mut writer)
            .map_err(|source| OpenError::Migration { path: name.clone(), source })?;
        let first = wanted::load(&writer, &context).map_err(|refusal| {
            let reason = refusal.cause.map_or(refusal.detail, |cause| cause.to_string());
            OpenError::Inconsistent { path: name.clone(), reason }
        })?;
        let mut connections = Vec::new();
        for _ in 0..READERS {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let reader = Connection::open_with_flags(&path, flags).map_err(failed)?;
            reader.busy_timeout(std::time::Duration::from_millis(BUSY_MS)).map_err(failed)?;
            connections.push(reader);
        }
        let (jobs, mut queue) = mpsc::channel::<Job>(WRITES_QUEUED_MAX);
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    job(&mut writer);
                }
                // The last handle is gone: leave a whole file behind.
                let _ = writer.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
            })
            .map_err(OpenError::Thread)?;
        Ok(Store {
            jobs,
            readers: Arc::new(Readers { permits: Semaphore::new(READERS), connections: Mutex::new(connections) }),
            wanted: Arc::new(watch::Sender::new(Arc::new(first))),
            context,
        })
    }

    /// What rows need beside their connection.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// What is wanted, newest at any time.
    pub fn wanted(&self) -> watch::Receiver<Arc<Wanted>> {
        self.wanted.subscribe()
    }

    /// Changes what is wanted. Whatever is refused, here or by the specs that come of it, is not stored.
    pub async fn change<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>, &Context) -> Result<T, Refusal> + Send + 'static,
    {
        let (context, wanted) = (self.context.clone(), self.wanted.clone());
        self.transact(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction, &context)?;
            let next = wanted::load(&transaction, &context)?;
            transaction.commit()?;
            // Published by the writing thread, hence in the order of the commits.
            wanted.send_replace(Arc::new(next));
            Ok(answer)
        })
        .await
    }

    /// Writes what no worker needs to know: accounts, sessions, the log of broadcasts.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Refusal> + Send + 'static,
    {
        self.transact(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })
        .await
    }

    async fn transact<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Refusal> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let _ = answer.send(work(connection));
        });
        self.jobs.send(job).await.map_err(|_| writer_gone())?;
        answered.await.map_err(|_| writer_gone())?
    }

    /// Reads.
    pub async fn read<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Context) -> Result<T, Refusal> + Send + 'static,
    {
        let readers = self.readers.clone();
        let context = self.context.clone();
        let Ok(_permit) = self.readers.permits.acquire().await else { return Err(writer_gone()) };
        let done = tokio::task::spawn_blocking(move || {
            let taken = readers.connections.lock().unwrap_or_else(|poison| poison.into_inner()).pop();
            let connection = taken.ok_or_else(writer_gone)?;
            let answer = work(&connection, &context);
            readers.connections.lock().unwrap_or_else(|poison| poison.into_inner()).push(connection);
            answer
        });
        done.await.map_err(|error| Refusal::failed(Code::Internal, error))?
    }
}

fn writer_gone() -> Refusal {
    Refusal::because(Code::StorageFailed, "The store has stopped.")
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Deleted keys shall not linger in free pages.
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))
}

/// The document of a JSON column.
fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::failed(Code::StorageFailed, error))
}

/// The text of a JSON column.
fn to_json<T: serde::Serialize>(document: &T) -> String {
    serde_json::to_string(document).expect("stored documents have text keys only")
}

/// The id that a column holds.
fn id<T: TryFrom<String, Error = automation::id::BadId>>(text: String) -> Result<T, Refusal> {
    T::try_from(text).map_err(|error| Refusal::failed(Code::StorageFailed, error))
}
