//! What becomes of the files' texts. No I/O.

use super::keyfile::{self, Wifi};
use crate::preseed::imager::{self, Imager};
use crate::preseed::venue::{self, Fleet, Preseed};
use crate::preseed::{Refusal, Secret};
use serde_json::{Value, json};

/// The texts that lie on the FAT partition.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// Of `bandstand.toml`.
    pub venue: Option<&'a str>,
    /// Of `rpi-preseed.toml`.
    pub imager: Option<&'a str>,
}

/// What is done with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The box's name in the network.
    pub hostname: Option<String>,
    /// Whose radio rules hold: two capital letters.
    pub country: Option<String>,
    /// Where the box is, in time: a name that `control` judges.
    pub time_zone: Option<String>,
    /// Connections: a file's name, and its text.
    pub connections: Vec<(&'static str, String)>,
    /// The password of the box's own Wi-Fi.
    pub access_point: Option<String>,
    /// The code of the first sign-in.
    pub claim_code: Option<String>,
    /// What an empty store is filled with: a document for `bandstand seed`.
    pub seed: Option<Value>,
    /// Where updates come from: kept for the version that asks there.
    pub fleet: Option<Value>,
    /// For the owner, a line each.
    pub report: Vec<String>,
    /// The files that were taken over: their secrets go.
    pub taken: Vec<&'static str>,
}

/// The name of the Wi-Fi connection's file.
pub const WIFI: &str = "bandstand-wifi.nmconnection";
/// The cable's.
pub const CABLE: &str = "bandstand-cable.nmconnection";

/// Told where a stream key is missing that was there once. The store may have it, or the store may be another one by now.
const GONE: &str = "The channels and destinations of bandstand.toml were passed over: a stream key was taken out of it when it was \
                    taken over. Where this box has none of them, write all its keys into it again.";

/// Decides.
pub fn plan(given: Given<'_>) -> Plan {
    let mut plan = Plan::default();
    if let Some(text) = given.imager {
        match imager::read(text) {
            Ok(read) => {
                plan.took(imager::FILE, read.notes.iter().map(ToString::to_string));
                plan.imager(&read.value);
            }
            Err(refusal) => plan.refused(imager::FILE, &refusal),
        }
    }
    // Our own file is the later word.
    if let Some(text) = given.venue {
        match venue::read(text) {
            Ok(read) => {
                plan.took(venue::FILE, read.notes.iter().map(ToString::to_string));
                plan.venue(&read.value);
            }
            Err(refusal) => plan.refused(venue::FILE, &refusal),
        }
    }
    plan
}

impl Plan {
    fn took(&mut self, file: &'static str, notes: impl Iterator<Item = String>) {
        self.taken.push(file);
        self.report.extend(notes.map(|note| format!("{file}, {note}.")));
    }

    fn refused(&mut self, file: &str, refusal: &Refusal) {
        self.report.push(format!("{file} was not taken over: {refusal}. Mend it and start the box again."));
    }

    fn connection(&mut self, name: &'static str, text: String) {
        self.connections.retain(|(known, _)| *known != name);
        self.connections.push((name, text));
    }

    fn imager(&mut self, given: &Imager) {
        let Imager { system, user, ssh, wlan, ethernet, locale, time, ca_certificates, .. } = given;
        self.hostname.clone_from(&system.hostname);
        self.time_zone.clone_from(&locale.timezone);
        if let Some(wlan) = wlan {
            self.country.clone_from(&wlan.country);
            self.wifi(&wlan.ssid, wlan.password.as_ref(), wlan.hidden, wlan.key_mgmt.as_deref());
        }
        match ethernet.method.as_deref() {
            Some("static") => {
                self.connection(CABLE, keyfile::ethernet(ethernet));
                self.report.push("The cable has the address of rpi-preseed.toml.".into());
            }
            Some("disabled") => self.unused("ethernet.method", "a cable that is plugged in is used"),
            _ => {}
        }
        let unused = [
            (user.name.is_some(), "user", "the first account is made on the page"),
            (ssh.enabled, "ssh", "nobody signs in to the box's system"),
            (locale.keymap.is_some(), "locale.keymap", "the box has no keyboard"),
            (!time.ntp.is_empty(), "time.ntp", "the network's own time servers are asked"),
            (!ca_certificates.files.is_empty(), "ca_certificates", "authorities are added on the page"),
        ];
        for (_, key, why) in unused.into_iter().filter(|(said, ..)| *said) {
            self.unused(key, why);
        }
    }

    fn unused(&mut self, key: &str, why: &str) {
        self.report.push(format!("{}: `{key}` was passed over: {why}.", imager::FILE));
    }

    /// `password`: none for an open network; one that was removed is stored already.
    fn wifi(&mut self, ssid: &str, password: Option<&Secret>, hidden: bool, management: Option<&str>) {
        let password = match password {
            Some(Secret::Removed) => return,
            Some(Secret::Text(text)) => Some(text.as_str()),
            None => None,
        };
        self.connection(WIFI, keyfile::wifi(&Wifi { ssid, password, hidden, management }));
        self.report.push(format!("The box joins the Wi-Fi network \"{ssid}\" where it has no better cable."));
    }

    fn venue(&mut self, given: &Preseed) {
        let Preseed { venue, wifi, access_point, channels, destinations, fleet } = given;
        if let Some(wifi) = wifi {
            self.country = wifi.country.clone().or(self.country.take());
            self.wifi(&wifi.ssid, wifi.password.as_ref(), wifi.hidden, None);
        }
        self.time_zone = venue.timezone.clone().or(self.time_zone.take());
        if let Some(Secret::Text(password)) = &access_point.password {
            self.access_point = Some(password.clone());
            self.report.push("The box's own Wi-Fi asks for the password of bandstand.toml.".into());
        }
        if let Some(Secret::Text(code)) = &venue.claim_code {
            self.claim_code = Some(code.clone());
            self.report.push("The first sign-in asks for the code of bandstand.toml.".into());
        }
        if venue.name.is_some() || !channels.is_empty() || !destinations.is_empty() {
            self.seed = seed(given);
            if self.seed.is_none() {
                self.report.push(GONE.into());
            }
        }
        if let Some(Fleet { url, token: Some(Secret::Text(token)) }) = fleet {
            self.fleet = Some(json!({"url": url, "token": token}));
            self.report.push("Where updates come from is kept; this version does not ask there yet.".into());
        }
    }
}

/// The document that fills an empty store. None where a key has been taken out: as a rule it is filled already.
fn seed(given: &Preseed) -> Option<Value> {
    let Preseed { venue, channels, destinations, .. } = given;
    let venue_name = venue.name.clone().unwrap_or_else(|| "Bandstand".into());
    let names: Vec<&str> = match channels.is_empty() {
        true => vec![&venue_name],
        false => channels.iter().map(|channel| channel.name.as_str()).collect(),
    };
    let mut filled = Vec::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        let id = if place == 0 { "main".to_owned() } else { format!("channel-{}", place + 1) };
        let ours = destinations.iter().filter(|one| one.channel.as_deref().is_none_or(|of| of == *name));
        let mut to = Vec::new();
        for (place, destination) in ours.enumerate() {
            let key = match &destination.stream_key {
                Some(Secret::Removed) => return None,
                Some(Secret::Text(key)) => key.as_str(),
                None => "",
            };
            let mut one = json!({"id": format!("destination-{}", place + 1), "name": destination.name,
                                 "url": destination.url, "enabled": true});
            match destination.url.starts_with("srt://") {
                true => (one["kind"], one["stream_id"]) = (json!("srt"), json!(key)),
                false => one["key"] = json!(key),
            }
            to.push(one);
        }
        filled.push(json!({"id": id, "name": name, "destinations": to}));
    }
    Some(json!({"venue": venue_name, "channels": filled}))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = r#"
[venue]
name = "St. Mary's Hall"
claim_code = "K7QX-99AB"
[wifi]
ssid = "Hall"
password = "correct horse"
country = "GB"
[access_point]
password = "staple battery"
[[channels]]
name = "Main hall"
[[channels]]
name = "Chapel"
[[destinations]]
channel = "Chapel"
name = "YouTube"
url = "rtmps://a.rtmps.youtube.com/live2"
stream_key = "abcd-efgh"
[[destinations]]
channel = "Main hall"
name = "Contribution"
url = "srt://10.0.0.9:9000"
stream_key = "publish/hall"
[fleet]
url = "https://updates.example.org"
token = "t0ken"
"#;

    fn of(venue: &str, imager: &str) -> Plan {
        let given = |text: &'static str| Some(text).filter(|text: &&str| !text.is_empty());
        let leak = |text: &str| given(Box::leak(text.to_owned().into_boxed_str()));
        plan(Given { venue: leak(venue), imager: leak(imager) })
    }

    #[test]
    fn our_own_file_is_taken_over_whole() {
        let plan = of(OURS, "");
        assert_eq!(plan.claim_code.as_deref(), Some("K7QX-99AB"));
        assert_eq!(plan.country.as_deref(), Some("GB"));
        assert_eq!(plan.access_point.as_deref(), Some("staple battery"));
        assert_eq!(plan.connections.len(), 1);
        assert!(plan.connections[0].1.contains("psk=correct horse\n"));
        let expected = json!({"venue": "St. Mary's Hall", "channels": [
            {"id": "main", "name": "Main hall", "destinations": [
                {"id": "destination-1", "name": "Contribution", "url": "srt://10.0.0.9:9000", "enabled": true, "kind": "srt",
                 "stream_id": "publish/hall"}]},
            {"id": "channel-2", "name": "Chapel", "destinations": [
                {"id": "destination-1", "name": "YouTube", "url": "rtmps://a.rtmps.youtube.com/live2", "enabled": true,
                 "key": "abcd-efgh"}]},
        ]});
        assert_eq!(plan.seed, Some(expected));
        assert_eq!(plan.fleet, Some(json!({"url": "https://updates.example.org", "token": "t0ken"})));
        assert_eq!(plan.taken, [venue::FILE]);
        let told = plan.report.join(" ");
        for secret in ["K7QX", "correct horse", "staple", "abcd", "t0ken", "publish"] {
            assert!(!told.contains(secret), "{told}");
        }
    }

    #[test]
    fn without_its_secrets_it_changes_nothing_that_is_stored() {
        let open = venue::KEYS.without_secrets(OURS).unwrap();
        let plan = of(&open, "");
        assert_eq!((plan.claim_code, plan.access_point), (None, None));
        assert_eq!((plan.connections, plan.seed, plan.fleet), (vec![], None, None));
        assert_eq!(plan.report, [GONE], "what is passed over is told");
    }

    #[test]
    fn imagers_file_is_taken_over_as_far_as_it_makes_sense() {
        let imager = "config_version = \"1.1\"\n[system]\nhostname = \"hall\"\n[user]\nname = \"alice\"\n[ssh]\nenabled = true\n\
                      [wlan]\nssid = \"Theirs\"\npassword = \"horse correct\"\ncountry = \"DE\"\n\
                      [ethernet]\nmethod = \"static\"\naddress = \"192.168.1.50/24\"\n[locale]\ntimezone = \"Europe/Berlin\"\n[novel]\nkey = 1\n";
        let plan = of("", imager);
        assert_eq!((plan.hostname.as_deref(), plan.country.as_deref()), (Some("hall"), Some("DE")));
        assert_eq!(plan.time_zone.as_deref(), Some("Europe/Berlin"));
        let names: Vec<_> = plan.connections.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [WIFI, CABLE]);
        let told = plan.report.join("\n");
        for word in ["`user` was passed over", "`ssh` was passed over", "line 17: `novel` is unknown", "\"Theirs\""] {
            assert!(told.contains(word), "{word}: {told}");
        }
        // Both: our own file's Wi-Fi counts, the rest of Imager's stays.
        let plan = of(OURS, imager);
        assert_eq!((plan.hostname.as_deref(), plan.country.as_deref()), (Some("hall"), Some("GB")));
        assert!(plan.connections.iter().any(|(name, text)| *name == WIFI && text.contains("correct horse")));
        assert_eq!(plan.connections.len(), 2);
        assert_eq!(plan.time_zone.as_deref(), Some("Europe/Berlin"), "ours names none");
        let plan = of(&OURS.replace("claim_code", "timezone = \"Europe/London\"\nclaim_code"), imager);
        assert_eq!(plan.time_zone.as_deref(), Some("Europe/London"));
    }

    #[test]
    fn what_is_not_understood_changes_nothing_and_keeps_its_secrets() {
        let plan = of("[wifi]\nssid = \"Hall\"\npassword = \"short\"", "");
        assert!(plan.taken.is_empty() && plan.connections.is_empty());
        assert!(plan.report[0].starts_with("bandstand.toml was not taken over: line 3:"), "{:?}", plan.report);
        assert_eq!(plan.report.len(), 1);
    }

    #[test]
    fn a_destination_alone_is_that_of_the_first_channel() {
        let plan = of("[[destinations]]\nname = \"Y\"\nurl = \"rtmp://h/a\"\n", "");
        let expected = json!({"venue": "Bandstand", "channels": [{"id": "main", "name": "Bandstand", "destinations": [
            {"id": "destination-1", "name": "Y", "url": "rtmp://h/a", "enabled": true, "key": ""}]}]});
        assert_eq!(plan.seed, Some(expected));
    }
}
