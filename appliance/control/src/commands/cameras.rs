//! Cameras that were asked what they are: as sources, and at another address.

use super::sources::{id_and_name, put};
use super::{Commands, room};
use crate::doc::SourceDoc;
use crate::refusal::Refusal;
use crate::store::sources::{SOURCES_MAX, StoredSource};
use crate::store::wanted::source_document;
use crate::store::{channels, sources};
use automation::fault::Code;
use automation::follow::CameraIdentity;
use automation::id::{ChannelId, SourceId};
use automation::spec::{LATENCY_MS_DEFAULT, Ptz, PtzControl, SETTLE_MS_DEFAULT, Source, SourceKind, Transport};
use camera::onvif::Description;
use camera::{Credentials, Url};

/// A camera that answered, on its way to being a source.
#[derive(Clone, Debug)]
pub struct NewCamera {
    /// The source's name.
    pub name: String,
    /// The source's id; made from its name where absent.
    pub id: Option<SourceId>,
    /// Who asks it.
    pub credentials: Credentials,
    /// What it said.
    pub description: Description,
    /// Its endpoint reference; empty where it is not known.
    pub endpoint: String,
    /// Its hardware address, where the box knows it by itself.
    pub mac: Option<String>,
}

/// A camera at another address.
#[derive(Clone, Debug)]
pub struct Relocated {
    /// Host at which it was.
    pub from: String,
    /// What it said at its new one.
    pub description: Description,
}

impl Commands {
    /// Makes a camera a source. The same camera twice in one channel is refused.
    pub async fn create_camera(&self, channel: ChannelId, new: NewCamera) -> Result<SourceDoc, Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                channels::get(tx, &channel)?;
                let there = sources::of(tx, context, &channel)?;
                room(there.len(), SOURCES_MAX, "sources")?;
                let identity = identity(&new);
                if let Some(twin) =
                    there.iter().find(|stored| stored.camera.as_ref().is_some_and(|c| same(c, &identity)))
                {
                    let text = format!("This camera is the source \"{}\" already.", twin.source.name);
                    return Err(Refusal::because(Code::Conflict, text));
                }
                let (id, name) = id_and_name(&there, new.id, &new.name, "camera")?;
                let Credentials { user, password } = new.credentials;
                let url = new.description.stream.clone();
                let kind = SourceKind::Camera {
                    url,
                    user,
                    password,
                    transport: Transport::default(),
                    any_certificate: false,
                    latency_ms: LATENCY_MS_DEFAULT,
                };
                let ptz = head(&new.description, SETTLE_MS_DEFAULT);
                let source = Source { id, name, kind, backup: None, ptz, sound_only: false };
                let stored = StoredSource { source, token: Default::default(), camera: Some(identity) };
                put(tx, context, &channel, &stored, at_ms)?;
                Ok(source_document(&stored))
            })
            .await
    }

    /// Lets a source follow its camera to another address. Answers whether it did: where the source is at another place
    /// meanwhile, a person was faster.
    pub async fn relocate_camera(
        &self,
        channel: ChannelId,
        id: SourceId,
        relocated: Relocated,
    ) -> Result<bool, Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                let mut stored = sources::get(tx, context, &channel, &id)?;
                let Relocated { from, description } = relocated;
                let Some(camera) = stored.camera.as_mut().filter(|camera| camera.host == from) else {
                    return Ok(false);
                };
                camera.device = description.device.to_string();
                camera.host = description.device.host().to_owned();
                camera.profile = description.chosen.token.clone();
                camera.snapshot = description.snapshot.as_ref().map(ToString::to_string);
                if let SourceKind::Camera { url, .. } = &mut stored.source.kind {
                    *url = relocated_stream(url, &description.device, &description.stream);
                }
                if let Some(Ptz { control: PtzControl::Onvif { .. }, settle_ms }) = stored.source.ptz {
                    stored.source.ptz = head(&description, settle_ms);
                }
                put(tx, context, &channel, &stored, at_ms)?;
                Ok(true)
            })
            .await
    }
}

/// The address of a stream whose camera is at another place, and names it so. Cameras name it without TLS: what a person
/// has set to TLS keeps it, and only its host changes.
fn relocated_stream(before: &str, device: &Url, named: &str) -> String {
    match Url::of_stream(before) {
        Ok(url) if before.starts_with("rtsps://") => url.at_host_of(device).text_of("rtsps"),
        _ => named.to_owned(),
    }
}

fn identity(new: &NewCamera) -> CameraIdentity {
    let description = &new.description;
    let information = &description.information;
    CameraIdentity {
        endpoint: new.endpoint.clone(),
        mac: description.mac.clone().or_else(|| new.mac.clone()),
        serial: information.serial.clone(),
        manufacturer: information.manufacturer.clone(),
        model: information.model.clone(),
        device: description.device.to_string(),
        host: description.device.host().to_owned(),
        profile: description.chosen.token.clone(),
        snapshot: description.snapshot.as_ref().map(ToString::to_string),
    }
}

/// Whether two are one camera. A recorder has many cameras behind one address: their profiles differ.
fn same(one: &CameraIdentity, other: &CameraIdentity) -> bool {
    let endpoint = !one.endpoint.is_empty() && one.endpoint == other.endpoint;
    (endpoint || one.device == other.device) && one.profile == other.profile
}

fn head(description: &Description, settle_ms: u32) -> Option<Ptz> {
    let ptz = description.ptz.as_ref()?;
    let control = PtzControl::Onvif {
        device: description.device.to_string(),
        service: ptz.service.to_string(),
        profile: ptz.profile.clone(),
    };
    Some(Ptz { control, settle_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_with_tls_keeps_it_where_its_camera_goes() {
        let device = Url::parse("http://192.0.2.9/onvif/device_service").unwrap();
        let named = "rtsp://192.0.2.9:554/h264";
        let relocated = |before: &str| relocated_stream(before, &device, named);
        assert_eq!(relocated("rtsp://192.0.2.7:554/other"), named);
        assert_eq!(relocated("rtsps://192.0.2.7/live"), "rtsps://192.0.2.9:322/live");
        assert_eq!(relocated("rtsps://192.0.2.7:8322/live"), "rtsps://192.0.2.9:8322/live");
    }
}
