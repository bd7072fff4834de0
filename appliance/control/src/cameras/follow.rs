//! Follows cameras whose address has changed. What to do is `automation::follow`'s to decide; here it is done.

use super::{Cameras, interfaces};
use crate::clock::Clock;
use crate::commands::{Commands, Relocated};
use crate::doc::Board;
use crate::reconciler::Teller;
use crate::store::Wanted;
use automation::fault::Code;
use automation::follow::{CameraIdentity, Followed, Follower, Lead, Seen};
use automation::spec::SourceKind;
use automation::status::SourceState;
use camera::onvif::Information;
use camera::{CameraError, Credentials, Url};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often the sources are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What following works with.
pub struct Tools {
    /// Finds and asks cameras.
    pub cameras: Arc<Cameras>,
    /// Changes a source's address.
    pub commands: Commands,
    /// The clock.
    pub clock: Clock,
    /// What is wanted.
    pub wanted: watch::Receiver<Arc<Wanted>>,
    /// What is.
    pub board: watch::Receiver<Arc<Board>>,
    /// Tells the operator.
    pub teller: Teller,
}

impl Tools {
    /// Follows for as long as the program runs.
    pub async fn run(self) {
        let mut follower = Follower::default();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if !follower.look(self.clock.running(), &self.followed()) {
                continue;
            }
            let Ok(found) = self.cameras.search().await else { continue };
            let seen: Vec<Seen> = found
                .onvif
                .iter()
                .map(|found| Seen {
                    endpoint: found.endpoint.clone(),
                    mac: interfaces::mac_of(&found.device),
                    device: found.device.to_string(),
                    host: found.device.host().to_owned(),
                })
                .collect();
            // A source may have got well while the network was asked.
            for lead in follower.found(self.clock.running(), &self.followed(), &seen) {
                if let Err(error) = self.follow(&lead).await {
                    let (channel, source) = &lead.place;
                    tracing::warn!(%channel, %source, device = lead.device, %error, "a camera could not be followed");
                    follower.proved_wrong(self.clock.running(), &lead);
                }
            }
        }
    }

    /// Every source whose camera is known, and whether it is well. Where nobody knows, it counts as well.
    fn followed(&self) -> Vec<Followed> {
        let (wanted, board) = (self.wanted.borrow(), self.board.borrow());
        let mut followed = Vec::new();
        for channel in &wanted.channels {
            let status = board.channels.iter().find(|one| one.id == channel.doc.id).and_then(|one| one.status.as_ref());
            for (source, camera) in &channel.cameras {
                let status = status.and_then(|status| status.sources.iter().find(|one| one.id == *source));
                // A picture that stands still or is black still comes from where the camera is.
                let well = status.is_none_or(|one| !matches!(one.state, SourceState::Connecting | SourceState::Lost));
                followed.push(Followed {
                    place: (channel.doc.id.clone(), source.clone()),
                    camera: camera.clone(),
                    well,
                });
            }
        }
        followed
    }

    /// Asks at the other address whether it is the camera; then its source goes there.
    async fn follow(&self, lead: &Lead) -> Result<(), CameraError> {
        let (channel, source) = &lead.place;
        let Some((camera, name, credentials)) = self.known(lead) else { return Ok(()) };
        let device = Url::parse(&lead.device).map_err(|bad| CameraError::NotUnderstood(bad.to_string()))?;
        let description = self.cameras.ask(device.clone(), credentials, Some(camera.profile.clone())).await?;
        let Information { manufacturer, model, serial, .. } = &description.information;
        // Not every camera has a serial number; the kind of camera stays the same in any case.
        if (manufacturer, model, serial) != (&camera.manufacturer, &camera.model, &camera.serial) {
            return Err(CameraError::NotUnderstood("another camera bears its identity".into()));
        }
        let well = self.followed().iter().any(|one| one.place == lead.place && one.well);
        if well {
            return Ok(());
        }
        let relocated = Relocated { from: camera.host.clone(), description };
        match self.commands.relocate_camera(channel.clone(), source.clone(), relocated).await {
            Ok(true) => {
                let text = format!("{name} has moved from {} to {}: its source follows.", camera.host, device.host());
                self.teller.tell(Code::CameraFollowed, format!("{channel}/source/{source}"), text).await;
            }
            Ok(false) => {}
            Err(refusal) => return Err(CameraError::Failed(refusal.detail)),
        }
        Ok(())
    }

    fn known(&self, lead: &Lead) -> Option<(CameraIdentity, String, Credentials)> {
        let (channel, source) = &lead.place;
        let wanted = self.wanted.borrow();
        let channel = wanted.channel(channel).ok()?;
        let spec = channel.spec.sources.iter().find(|one| one.id == *source)?;
        let SourceKind::Camera { user, password, .. } = &spec.kind else { return None };
        let credentials = Credentials { user: user.clone(), password: password.clone() };
        Some((channel.cameras.get(source)?.clone(), spec.name.clone(), credentials))
    }
}
