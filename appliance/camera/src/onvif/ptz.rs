//! Moving a camera by the PTZ service (PTZ Service Specification 22.12).

use super::{PTZ, SCHEMA, Session};
use crate::xml::{self, TEXT_CHARS_MAX, escape};
use crate::{CameraError, Credentials, Move, Preset, Url, tame};
use roxmltree::Node;
use std::time::Duration;

/// Presets that are listed; cameras have up to 300.
const PRESETS_MAX: usize = 512;
/// How far the largest step goes, of the whole range: ranges of relative moves are −1 to 1 (PTZ 5.7.2.1).
const STEP: f32 = 0.1;
/// Between two looks at whether it has arrived.
const LOOK: Duration = Duration::from_millis(400);

/// The head of a camera that speaks ONVIF.
#[derive(Debug)]
pub struct PtzHead {
    session: Session,
    service: Url,
    /// The profile, as content of an element.
    profile: String,
}

impl PtzHead {
    pub(crate) fn new(
        device: &str,
        service: &str,
        profile: &str,
        credentials: &Credentials,
    ) -> Result<PtzHead, CameraError> {
        let url = |text| Url::parse(text).map_err(|bad| CameraError::Unsupported(bad.to_string()));
        let session = Session::new(url(device)?, credentials.clone());
        let profile = format!("<ProfileToken>{}</ProfileToken>", escape(profile));
        Ok(PtzHead { session, service: url(service)?, profile })
    }

    fn tell(&mut self, name: &str, inner: &str) -> Result<(), CameraError> {
        let inner = format!("{}{inner}", self.profile);
        self.session.ask(&self.service, PTZ, name, &inner, |_| Ok(()))
    }

    pub(crate) fn presets(&mut self) -> Result<Vec<Preset>, CameraError> {
        let take = |document: &roxmltree::Document<'_>| Ok(presets(document.root()));
        self.session.ask(&self.service, PTZ, "GetPresets", &self.profile, take)
    }

    pub(crate) fn begin(&mut self, movement: &Move) -> Result<(), CameraError> {
        match movement {
            Move::Along { pan, tilt, zoom, at_most_ms } => {
                let (seconds, ms) = (at_most_ms / 1000, at_most_ms % 1000);
                let inner = format!(
                    "<Velocity>{}</Velocity><Timeout>PT{seconds}.{ms:03}S</Timeout>",
                    vector(*pan, *tilt, *zoom, 1.0)
                );
                self.tell("ContinuousMove", &inner)
            }
            Move::Step { pan, tilt, zoom } => {
                self.tell("RelativeMove", &format!("<Translation>{}</Translation>", vector(*pan, *tilt, *zoom, STEP)))
            }
            Move::Stop => self.tell("Stop", "<PanTilt>true</PanTilt><Zoom>true</Zoom>"),
            Move::Preset(token) => {
                let told = self.tell("GotoPreset", &format!("<PresetToken>{}</PresetToken>", escape(token)));
                told.map_err(|error| match error {
                    // The camera's own words may name another thing than the operator knows.
                    CameraError::NoPreset(_) => CameraError::NoPreset(tame(token, TEXT_CHARS_MAX)),
                    other => other,
                })
            }
        }
    }

    pub(crate) fn arrived(&mut self) -> Result<bool, CameraError> {
        let take = |document: &roxmltree::Document<'_>| Ok(moves(document.root()));
        match self.session.ask(&self.service, PTZ, "GetStatus", &self.profile, take) {
            Ok(true) => {
                std::thread::sleep(LOOK);
                Ok(false)
            }
            // It took the movement, and does not say more: not every camera knows where it is.
            Ok(false) | Err(CameraError::Unsupported(_) | CameraError::Failed(_) | CameraError::NoPreset(_)) => {
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}

/// A vector of pan, tilt and zoom (`tt:Vector2D`, `tt:Vector1D`); what does not move is left out.
fn vector(pan: f32, tilt: f32, zoom: f32, scale: f32) -> String {
    let part = |value: f32| if value.is_finite() { value.clamp(-1.0, 1.0) * scale } else { 0.0 };
    let (pan, tilt, zoom) = (part(pan), part(tilt), part(zoom));
    let mut vector = String::new();
    if pan != 0.0 || tilt != 0.0 {
        vector.push_str(&format!("<PanTilt xmlns=\"{SCHEMA}\" x=\"{pan:.3}\" y=\"{tilt:.3}\"/>"));
    }
    if zoom != 0.0 {
        vector.push_str(&format!("<Zoom xmlns=\"{SCHEMA}\" x=\"{zoom:.3}\"/>"));
    }
    vector
}

fn presets(root: Node<'_, '_>) -> Vec<Preset> {
    let all = xml::all(root, "Preset").filter_map(|node| {
        let token = node.attribute("token").filter(|token| !token.is_empty())?;
        let sound = tame(token, automation::spec::PRESET_CHARS_MAX) == token;
        let name = node.children().find(|child| child.tag_name().name() == "Name").and_then(|name| name.text());
        let name = tame(name.unwrap_or_default(), TEXT_CHARS_MAX);
        let name = if name.is_empty() { format!("Preset {token}") } else { name };
        sound.then(|| Preset { token: token.to_owned(), name })
    });
    all.take(PRESETS_MAX).collect()
}

/// Whether a status says that the head moves (`tt:MoveStatus`).
fn moves(root: Node<'_, '_>) -> bool {
    xml::first(root, "MoveStatus")
        .is_some_and(|status| ["PanTilt", "Zoom"].iter().any(|part| xml::text(status, part) == Some("MOVING")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_read() {
        let text = "<r><Preset token=\"1\"><Name> Wide\nshot </Name></Preset><Preset token=\"2\"/><Preset/>\
                    <Preset token=\"a&#10;b\"/><Preset token=\"\"/></r>";
        let found: Vec<_> = presets(xml::parse(text).unwrap().root()).into_iter().map(|p| (p.token, p.name)).collect();
        assert_eq!(found, [("1".into(), "Wide shot".into()), ("2".into(), "Preset 2".to_owned())]);
    }

    #[test]
    fn a_vector_names_only_what_moves() {
        assert_eq!(vector(0.0, 0.0, 0.0, 1.0), "");
        assert_eq!(vector(f32::NAN, 0.0, -7.0, 1.0), format!("<Zoom xmlns=\"{SCHEMA}\" x=\"-1.000\"/>"));
        assert_eq!(vector(0.5, 0.0, 0.0, 0.1), format!("<PanTilt xmlns=\"{SCHEMA}\" x=\"0.050\" y=\"0.000\"/>"));
    }

    #[test]
    fn a_head_that_moves_is_known() {
        let check = |inner: &str, expected: bool| {
            let text = format!("<r><Position><PanTilt x=\"1\"/></Position>{inner}</r>");
            assert_eq!(moves(xml::parse(&text).unwrap().root()), expected, "{inner}");
        };
        check("<MoveStatus><PanTilt>MOVING</PanTilt><Zoom>IDLE</Zoom></MoveStatus>", true);
        check("<MoveStatus><PanTilt>IDLE</PanTilt><Zoom>IDLE</Zoom></MoveStatus>", false);
        check("", false);
    }
}
