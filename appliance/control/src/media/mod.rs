//! Uploaded files: received into a folder, examined, and only then put in their place.
//!
//! ```text
//!  stream ──► .upload-<id> ──whole──► examined ──sound──► synced ──► <id>.<ext> ──► on the list
//!                 └──broken off, too large, unsound──► removed
//! ```
//! What a file is, its content tells, never its name. The examination reads heads and lengths, so it finds an empty,
//! cut-off or foreign file at once; whether every picture decodes, only the channel finds out.

mod jpeg;
mod mp4;
mod png;

use crate::doc::{AssetDoc, AssetKind};
use crate::refusal::Refusal;
use crate::store::assets::StoredAsset;
use automation::fault::Code;
use automation::id::AssetId;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How files that are still arriving begin.
const ARRIVING: &str = ".upload-";
/// How long nothing may arrive of an upload before it is given up.
const STALLED: Duration = Duration::from_secs(60);
/// What must stay free on the disk, so that the box itself goes on: 256 MiB.
pub(crate) const FREE_BYTES_MIN: u64 = 256 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Film or still.
    pub kind: AssetKind,
    /// Its content type.
    pub mime: &'static str,
    /// The ending of its name.
    pub ending: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Length of a film, milliseconds.
    pub duration_ms: Option<u64>,
}

/// Why a file is refused, for the operator.
type Unsound = &'static str;

/// Makes the folder, and removes what an earlier process left half received.
pub fn prepare(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(ARRIVING)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file that is removed unless it is kept.
struct Arriving {
    path: PathBuf,
    kept: bool,
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Writes what arrives to the file of that path, which is removed again unless it is kept. `look` sees each part. Answers
/// how many bytes there were.
async fn take_in<E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    bytes_max: u64,
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    mut look: impl FnMut(&[u8]),
) -> Result<(Arriving, u64), Refusal> {
    let arriving = Arriving { path: path.to_owned(), kept: false };
    let mut file = tokio::fs::File::create(path).await?;
    let mut bytes: u64 = 0;
    loop {
        let part = match tokio::time::timeout(STALLED, body.next()).await {
            Err(_) => return Err(Refusal::because(Code::RequestInvalid, "The upload stood still for a minute.")),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(broken_off(error)),
            Ok(Some(Ok(part))) => part,
        };
        bytes += part.len() as u64;
        if bytes > bytes_max {
            return Err(too_large(bytes_max));
        }
        look(&part);
        file.write_all(&part).await?;
    }
    file.flush().await?;
    Ok((arriving, bytes))
}

/// Receives a file of at most `bytes_max` bytes under a path, whatever it is: whole, or not at all.
pub async fn receive_as<E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    bytes_max: u64,
    body: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<(), Refusal> {
    let beside = path.with_extension("new");
    let (mut arriving, _) = take_in(&beside, bytes_max, body, |_| {}).await?;
    tokio::fs::File::open(&beside).await?.sync_all().await?;
    tokio::fs::rename(&beside, path).await?;
    arriving.kept = true;
    Ok(())
}

/// Receives a file of at most `bytes_max` bytes, and puts it into the folder where it is sound.
pub async fn receive<E: std::error::Error + Send + Sync + 'static>(
    folder: &Path,
    id: AssetId,
    name: String,
    bytes_max: u64,
    body: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<StoredAsset, Refusal> {
    let mut hash = Sha256::new();
    let draft = folder.join(format!("{ARRIVING}{id}"));
    let (mut arriving, bytes) = take_in(&draft, bytes_max, body, |part| hash.update(part)).await?;
    let path = arriving.path.clone();
    let folder_of = folder.to_owned();
    let stem = id.clone();
    let (examined, stored) = blocking(move || -> Result<_, Refusal> {
        let mut file = File::open(&path)?;
        let examined = examine(&mut file).map_err(|reason| Refusal::because(Code::MediaUnreadable, reason))?;
        file.sync_all()?;
        let stored = format!("{stem}.{}", examined.ending);
        std::fs::rename(&path, folder_of.join(&stored))?;
        File::open(&folder_of)?.sync_all()?;
        Ok((examined, stored))
    })
    .await?;
    arriving.kept = true;
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let doc = AssetDoc {
        id,
        name,
        bytes,
        kind: examined.kind,
        sha256,
        width: Some(examined.width),
        height: Some(examined.height),
        duration_ms: examined.duration_ms,
    };
    Ok(StoredAsset { doc, file: stored, mime: examined.mime.into() })
}

/// A file of more bytes than it may have.
pub(crate) fn too_large(bytes_max: u64) -> Refusal {
    Refusal::because(Code::TooLarge, format!("Files may have {} MiB at most.", bytes_max >> 20))
}

fn broken_off(error: impl std::error::Error + Send + Sync + 'static) -> Refusal {
    Refusal { cause: Some(Box::new(error)), ..Refusal::because(Code::RequestInvalid, "The upload was broken off.") }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Refusal::failed(Code::Internal, error))?
}

/// Whether the disk of a folder has room for so many bytes more.
pub fn has_room(folder: &Path, bytes: u64) -> Result<(), Refusal> {
    let about = rustix::fs::statvfs(folder).map_err(std::io::Error::from)?;
    if about.f_bavail.saturating_mul(about.f_frsize) >= bytes.saturating_add(FREE_BYTES_MIN) {
        return Ok(());
    }
    Err(Refusal::because(Code::StorageFailed, "There is not enough room on the box's storage for this file."))
}

/// What an open file is, or why it is of no use.
pub fn examine(file: &mut (impl Read + Seek)) -> Result<Examined, Unsound> {
    let length = file.seek(SeekFrom::End(0)).map_err(|_| UNREADABLE)?;
    if length == 0 {
        return Err("The file is empty.");
    }
    let head = read_at(file, 0, 12.min(length as usize)).ok_or(UNREADABLE)?;
    if head.starts_with(&png::SIGNATURE) {
        return png::examine(file, length);
    }
    if head.starts_with(&jpeg::SIGNATURE) {
        return jpeg::examine(file, length);
    }
    if mp4::is_one(&head) {
        return mp4::examine(file, length);
    }
    Err("This is neither MP4 nor MOV, PNG or JPEG.")
}

const UNREADABLE: Unsound = "The file cannot be read.";
const CUT_OFF: Unsound = "The file is cut off: its end is missing.";

/// So many bytes from a place; none where the file ends before.
fn read_at(file: &mut (impl Read + Seek), at: u64, count: usize) -> Option<Vec<u8>> {
    file.seek(SeekFrom::Start(at)).ok()?;
    let mut bytes = vec![0; count];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// Sides of a still that are taken: more than any screen, and decoded it still fits into memory.
fn sized(width: u32, height: u32) -> Result<(u32, u32), Unsound> {
    const SIDE_MAX: u32 = 8192;
    match (1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height) {
        true => Ok((width, height)),
        false => Err("The picture must be 1 to 8192 pixels wide and high."),
    }
}

#[cfg(test)]
mod tests;
