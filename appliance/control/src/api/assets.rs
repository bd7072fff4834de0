//! Uploaded files.

use super::call::Call;
use crate::doc::AssetDoc;
use crate::media;
use crate::refusal::Refusal;
use crate::store::assets;
use automation::fault::Code;
use automation::id::AssetId;
use bytes::Bytes;
use futures_util::stream;
use std::io::SeekFrom;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use warp::http::StatusCode;
use warp::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, RANGE,
};
use warp::reply::{Reply, Response};

/// Largest file: 2 GiB, some hours of a loop.
pub(super) const UPLOAD_BYTES_MAX: u64 = 2 << 30;
/// Content types of files.
pub(super) const TYPES: &[&str] = &["image/png", "image/jpeg", "video/mp4", "video/quicktime"];
/// Bytes per read of a download.
const READ_BYTES: usize = 64 << 10;

pub(super) async fn list(call: Call) -> Result<Vec<AssetDoc>, Refusal> {
    let stored = call.desk.store.read(|connection, _| assets::all(connection)).await?;
    Ok(stored.into_iter().map(|asset| asset.doc).collect())
}

pub(super) async fn upload(mut call: Call) -> Result<AssetDoc, Refusal> {
    let missing = || Refusal::wrong(Code::RequestInvalid, "name", "must be 1 to 100 characters in one line");
    let (id, name) = call.desk.commands.new_asset(&call.query("name").ok_or_else(missing)?)?;
    let announced = call.announced(UPLOAD_BYTES_MAX)?;
    let folder = call.desk.store.context().assets.clone();
    media::has_room(&folder, announced)?;
    let Some(body) = call.body.take() else { return Err(Refusal::new(Code::RequestInvalid)) };
    let asset = media::receive(&folder, id, name, UPLOAD_BYTES_MAX, body).await?;
    let path = folder.join(&asset.file);
    let added = call.desk.commands.add_asset(asset).await;
    if added.is_err() {
        let _ = tokio::fs::remove_file(path).await;
    }
    added
}

pub(super) async fn download(call: Call) -> Result<Response, Refusal> {
    let id: AssetId = call.id("id")?;
    let asset = call.desk.store.read(move |connection, _| assets::get(connection, &id)).await?;
    let path = call.desk.store.context().assets.join(&asset.file);
    let mut file = tokio::fs::File::open(path).await.map_err(|error| Refusal::failed(Code::MediaMissing, error))?;
    let length = file.metadata().await?.len();
    let wished = call.headers.get(RANGE).and_then(|range| range.to_str().ok()).map(|range| part(range, length));
    let (status, from, count) = match wished {
        Some(Some((from, to))) => (StatusCode::PARTIAL_CONTENT, from, to - from + 1),
        // RFC 9110, section 14.2: a range that is not understood is as none at all.
        Some(None) | None => (StatusCode::OK, 0, length),
    };
    file.seek(SeekFrom::Start(from)).await?;
    let parts = stream::unfold((file, count), |(mut file, left)| async move {
        if left == 0 {
            return None;
        }
        let mut buffer = vec![0; READ_BYTES.min(left as usize)];
        match file.read(&mut buffer).await {
            Ok(0) => None,
            Ok(read) => {
                buffer.truncate(read);
                Some((Ok::<_, std::io::Error>(Bytes::from(buffer)), (file, left - read as u64)))
            }
            Err(error) => Some((Err(error), (file, 0))),
        }
    });
    let mut response = warp::reply::stream(parts).into_response();
    *response.status_mut() = status;
    let range = format!("bytes {from}-{}/{length}", (from + count).saturating_sub(1));
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(CONTENT_TYPE, &asset.mime);
    set(CONTENT_LENGTH, &count.to_string());
    set(ACCEPT_RANGES, "bytes");
    // A file never changes under its id; only who is signed in may see it.
    set(CACHE_CONTROL, "private, max-age=31536000, immutable");
    if status == StatusCode::PARTIAL_CONTENT {
        set(CONTENT_RANGE, &range);
    }
    Ok(response)
}

/// First and last byte of one range (RFC 9110, section 14.1.2).
fn part(range: &str, length: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = length.checked_sub(1)?;
    let (first, last) = match (first.trim(), last.trim()) {
        ("", suffix) => (length.saturating_sub(suffix.parse().ok().filter(|count: &u64| *count > 0)?), end),
        (first, "") => (first.parse().ok()?, end),
        (first, last) => (first.parse().ok()?, last.parse::<u64>().ok()?.min(end)),
    };
    (first <= last).then_some((first, last))
}

pub(super) async fn delete(call: Call) -> Result<(), Refusal> {
    let asset = call.desk.commands.delete_asset(call.id("id")?).await?;
    let path = call.desk.store.context().assets.join(&asset.file);
    // Off the list it is gone for everybody; a file that stays costs room only.
    if let Err(error) = tokio::fs::remove_file(path).await {
        tracing::warn!(%error, file = asset.file, "a deleted file stays on the disk");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let check = |range: &str, expected: Option<(u64, u64)>| assert_eq!(part(range, 100), expected, "{range}");
        check("bytes=0-", Some((0, 99)));
        check("bytes=10-19", Some((10, 19)));
        check("bytes=10-500", Some((10, 99)));
        check("bytes=-10", Some((90, 99)));
        check("bytes=-500", Some((0, 99)));
        check("bytes=-0", None);
        check("bytes=20-10", None);
        check("bytes=100-", None);
        check("bytes=0-1,5-6", None);
        check("items=0-1", None);
        assert_eq!(part("bytes=0-", 0), None);
    }
}
