//! Cameras in the network: found, asked what they are, moved by hand, and followed when their address changes.
//!
//! Asking a camera blocks a thread for some seconds at most; only so many are asked at a time. Only addresses are asked
//! that a person gave or that answered a search themselves.

mod conversation;
pub mod discovery;
pub mod follow;
mod heads;
pub mod interfaces;
mod orders;

use crate::commands::NewCamera;
use crate::doc::{CameraDraft, FoundBy, FoundCamera, SourcePlace};
use crate::refusal::Refusal;
use crate::store::Wanted;
use automation::fault::Code;
use automation::follow::Place;
use automation::spec::SourceKind;
use camera::onvif::{self, Description};
use camera::{CameraError, Credentials, Url};
use discovery::Answered;
use heads::Heads;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

pub use heads::Movement;

/// Cameras that are asked at a time: each holds a thread.
const ASKED_MAX: usize = 8;
/// How long what a search found is good for whoever asks next.
const FRESH: Duration = Duration::from_secs(5);

/// Everything that the box knows of cameras by asking.
pub struct Cameras {
    permits: Arc<Semaphore>,
    searched: Mutex<Option<(Instant, Arc<Answered>)>>,
    heads: Heads,
}

impl Default for Cameras {
    fn default() -> Cameras {
        let permits = Arc::new(Semaphore::new(ASKED_MAX));
        Cameras { heads: Heads::new(permits.clone()), permits, searched: Mutex::new(None) }
    }
}

impl Cameras {
    /// Every camera that answers in the network now. Who asks while a search runs waits for it and gets the same.
    pub async fn search(&self) -> Result<Arc<Answered>, Refusal> {
        let mut searched = self.searched.lock().await;
        if let Some((at, found)) = searched.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            tracing::debug!(ago = ?at.elapsed(), "the last search is still good");
            return Ok(found.clone());
        }
        let found = discovery::search().await.map_err(|error| Refusal {
            cause: Some(Box::new(error)),
            ..Refusal::because(Code::CameraUnreachable, "The box has no network in which cameras could be.")
        })?;
        let found = Arc::new(found);
        *searched = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// Asks a camera what it is, ready to be made a source.
    pub async fn describe(&self, draft: CameraDraft) -> Result<NewCamera, Refusal> {
        let device = Url::of_person(&draft.address)
            .map_err(|bad| Refusal::wrong(Code::RequestInvalid, "address", bad.to_string()))?;
        let credentials = Credentials { user: draft.user.trim().to_owned(), password: draft.password };
        // Its identity it tells only to who searches for it.
        let asked = async {
            let answered = self.ask(device.clone(), credentials.clone(), None).await;
            answered.map_err(|error| refused(&error, device.host()))
        };
        let searched = async { Ok(self.search().await.unwrap_or_default()) };
        let (description, searched) = tokio::try_join!(asked, searched)?;
        let found = searched.onvif.iter().find(|found| found.device.authority() == device.authority());
        let information = &description.information;
        let of_camera =
            [found.map_or("", |found| &found.name), &information.model, &information.manufacturer, "Camera"];
        let name = of_camera.into_iter().map(|name| camera::tame(name, 60)).find(|name| !name.is_empty());
        Ok(NewCamera {
            name: draft.name.filter(|name| !name.trim().is_empty()).or(name).unwrap_or_default(),
            id: draft.id,
            credentials,
            endpoint: found.map(|found| found.endpoint.clone()).unwrap_or_default(),
            mac: interfaces::mac_of(&device),
            description,
        })
    }

    /// Asks a camera what it is. `profile` is one that was chosen before.
    async fn ask(
        &self,
        device: Url,
        credentials: Credentials,
        profile: Option<String>,
    ) -> Result<Description, CameraError> {
        blocking(&self.permits, move || onvif::describe(&device, &credentials, profile.as_deref())).await
    }

    /// A JPEG of what a camera sees, by its own snapshot.
    pub async fn snapshot(&self, wanted: &Wanted, place: &Place) -> Result<Vec<u8>, Refusal> {
        let channel = wanted.channel(&place.0)?;
        let source = channel.spec.sources.iter().find(|source| source.id == place.1);
        let source = source.ok_or_else(|| Refusal::not_found("source", &place.1))?;
        let none = || Refusal::because(Code::NotFound, format!("\"{}\" gives no picture by itself.", source.name));
        let url = channel.cameras.get(&place.1).and_then(|camera| camera.snapshot.as_deref()).ok_or_else(none)?;
        let url = Url::parse(url).map_err(|_| none())?;
        let SourceKind::Camera { user, password, .. } = &source.kind else { return Err(none()) };
        let credentials = Credentials { user: user.clone(), password: password.clone() };
        let taken = blocking(&self.permits, move || onvif::snapshot(&url, &credentials)).await;
        taken.map_err(|error| refused(&error, &source.name))
    }

    /// The heads of cameras that are sources.
    pub fn heads(&self) -> &Heads {
        &self.heads
    }
}

/// What is found, beside what is a source already, in the order of their addresses.
pub fn beside(found: &Answered, wanted: &Wanted) -> Vec<FoundCamera> {
    let by_onvif = found.onvif.iter().map(|found| {
        let document = FoundCamera {
            by: FoundBy::Onvif,
            endpoint: found.endpoint.clone(),
            name: found.name.clone(),
            model: found.model.clone(),
            host: found.device.host().to_owned(),
            hostname: String::new(),
            address: found.device.to_string(),
            source: source_of_identity(&found.endpoint, wanted)
                .or_else(|| source_at(wanted, |url| url.host() == found.device.host())),
        };
        (found.device.address(), document)
    });
    let by_mdns = found.mdns.iter().map(|found| {
        let document = FoundCamera {
            by: FoundBy::Mdns,
            endpoint: found.endpoint.clone(),
            name: found.name.clone(),
            model: String::new(),
            host: found.stream.host().to_owned(),
            hostname: found.host.clone(),
            address: found.stream.text_of("rtsp"),
            source: source_at(wanted, |url| is_announced(&found.stream, url)),
        };
        (found.stream.address(), document)
    });
    let mut all: Vec<_> = by_onvif.chain(by_mdns).collect();
    all.sort_by_key(|(address, _)| *address);
    all.into_iter().map(|(_, document)| document).collect()
}

/// Whether a source's address is the stream that a camera announces. One that is announced without its path is known by its
/// port alone: whoever added it has had to enter the path.
fn is_announced(stream: &Url, source: &Url) -> bool {
    let path = stream.path() == "/" || stream.path() == source.path();
    stream.authority() == source.authority() && path
}

/// The source whose camera has this identity.
fn source_of_identity(endpoint: &str, wanted: &Wanted) -> Option<SourcePlace> {
    wanted.channels.iter().find_map(|channel| {
        let mut cameras = channel.cameras.iter();
        let (source, _) = cameras.find(|(_, camera)| camera.endpoint == endpoint)?;
        Some(SourcePlace { channel: channel.doc.id.clone(), source: source.clone() })
    })
}

/// The first camera whose stream has an address that is `asked` for.
fn source_at(wanted: &Wanted, asked: impl Fn(&Url) -> bool) -> Option<SourcePlace> {
    wanted.channels.iter().find_map(|channel| {
        let source = channel.spec.sources.iter().find(|source| match &source.kind {
            SourceKind::Camera { url, .. } => Url::of_stream(url).is_ok_and(|url| asked(&url)),
            _ => false,
        })?;
        Some(SourcePlace { channel: channel.doc.id.clone(), source: source.id.clone() })
    })
}

/// A refusal that names the camera.
fn refused(error: &CameraError, name: &str) -> Refusal {
    Refusal::because(error.code(), format!("{name}: {error}."))
}

/// Does something that blocks, when one of the permits is free.
async fn blocking<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, CameraError> + Send + 'static,
) -> Result<T, CameraError> {
    let broken = |_| CameraError::Failed("the box could not ask it".into());
    let permit = permits.clone().acquire_owned().await.map_err(|_| CameraError::Silent)?;
    let done = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    done.await.map_err(broken)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_announced_is_a_source_already() {
        let check = |stream: &str, source: &str, expected: bool| {
            let url = |text| Url::of_stream(text).unwrap();
            assert_eq!(is_announced(&url(stream), &url(source)), expected, "{stream} is {source}");
        };
        check("rtsp://192.0.2.7:554/live", "rtsp://192.0.2.7/live", true);
        check("rtsp://192.0.2.7:554/live", "rtsp://192.0.2.7/other", false);
        check("rtsp://192.0.2.7:554/", "rtsp://192.0.2.7/other", true);
        check("rtsp://192.0.2.7:554/", "rtsp://192.0.2.7:8554/", false);
        check("rtsp://192.0.2.7:554/", "rtsp://192.0.2.8/", false);
    }
}
