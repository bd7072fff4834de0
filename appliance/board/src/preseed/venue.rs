//! `bandstand.toml`: what a venue's box shall be from its first start.
//!
//! ```toml
//! [venue]
//! name = "St. Mary's Hall"
//! claim_code = "..."              # what the first sign-in asks for
//! timezone = "Europe/London"
//!
//! [wifi]                          # where there is no cable
//! ssid = "Hall"
//! password = "..."                # left out for an open network
//! country = "GB"
//!
//! [access_point]                  # the box's own Wi-Fi, where it has no network
//! password = "..."                # left out: everybody may join it
//!
//! [[channels]]
//! name = "Main hall"
//!
//! [[destinations]]
//! channel = "Main hall"           # may be left out where there is one channel
//! name = "YouTube"
//! url = "rtmps://a.rtmps.youtube.com/live2"
//! stream_key = "..."
//!
//! [fleet]                         # where updates come from
//! url = "https://updates.example.org"
//! token = "..."
//! ```

use super::keys::{Keys, Kind, Read};
use super::{Refusal, Secret, is_country, password_trouble, wifi_trouble};
use serde::Deserialize;

/// The file's name on the FAT partition.
pub const FILE: &str = "bandstand.toml";
/// A name has so many characters at most: it must fit a line of the page.
pub const NAME_CHARS_MAX: usize = 64;
/// More channels than any board carries.
pub const CHANNELS_MAX: usize = 8;
/// Letters and digits of the first sign-in's code: as many as one has that the box makes.
pub const CODE_LETTERS: usize = 8;
/// Destinations of all channels together.
pub const DESTINATIONS_MAX: usize = 32;

/// The one secret that is not the box's own, and of no use until its destination is stored.
pub const STREAM_KEY: &str = "destinations[].stream_key";

/// Its keys.
pub const KEYS: Keys = Keys(&[
    ("venue.name", Kind::Text),
    ("venue.claim_code", Kind::Secret),
    ("venue.timezone", Kind::Text),
    ("wifi.ssid", Kind::Text),
    ("wifi.password", Kind::Secret),
    ("wifi.country", Kind::Text),
    ("wifi.hidden", Kind::Flag),
    ("access_point.password", Kind::Secret),
    ("channels[].name", Kind::Text),
    ("destinations[].channel", Kind::Text),
    ("destinations[].name", Kind::Text),
    ("destinations[].url", Kind::Text),
    (STREAM_KEY, Kind::Secret),
    ("fleet.url", Kind::Text),
    ("fleet.token", Kind::Secret),
]);

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Preseed {
    /// The place.
    pub venue: Venue,
    /// A wireless network.
    pub wifi: Option<Wifi>,
    /// The box's own Wi-Fi.
    pub access_point: AccessPoint,
    /// Channels, by name.
    pub channels: Vec<Channel>,
    /// Where channels are sent.
    pub destinations: Vec<Destination>,
    /// Where updates come from.
    pub fleet: Option<Fleet>,
}

/// The place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Venue {
    /// Its name, for people.
    pub name: Option<String>,
    /// The code of the first sign-in.
    pub claim_code: Option<Secret>,
    /// Where it is, in time: such as `Europe/London`.
    pub timezone: Option<String>,
}

/// A wireless network.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Wifi {
    /// Its name.
    pub ssid: String,
    /// Its password; none for an open network.
    pub password: Option<Secret>,
    /// Whose radio rules hold: two capital letters.
    pub country: Option<String>,
    /// It does not tell its name.
    #[serde(default)]
    pub hidden: bool,
}

/// The box's own Wi-Fi, which it raises where it has no network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AccessPoint {
    /// Its password; none where everybody may join it.
    pub password: Option<Secret>,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Channel {
    /// Its name, for people.
    pub name: String,
}

/// Where a channel is sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Destination {
    /// The channel's name; none where there is only one.
    pub channel: Option<String>,
    /// Its name, for people.
    pub name: String,
    /// Its address, as a person would enter it on the page, where it is judged.
    pub url: String,
    /// The platform's stream key.
    pub stream_key: Option<Secret>,
}

/// Where updates come from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Fleet {
    /// The server's address, with HTTPS.
    pub url: String,
    /// What lets the box in.
    pub token: Option<Secret>,
}

/// Reads the file.
pub fn read(text: &str) -> Result<Read<Preseed>, Refusal> {
    let read: Read<Preseed> = KEYS.read(text)?;
    let Preseed { venue, wifi, access_point, channels, destinations, fleet } = &read.value;
    let name_fits = |name: &str| !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX;
    let check = |fits: bool, key: &str, what: &str| if fits { Ok(()) } else { Err(read.refuse(key, what)) };
    const NAME: &str = "a name has 1 to 64 characters";
    check(venue.name.as_deref().is_none_or(name_fits), "venue.name", NAME)?;
    let code_fits = |code: &Secret| match code {
        Secret::Removed => true,
        Secret::Text(code) => code.chars().filter(char::is_ascii_alphanumeric).count() == CODE_LETTERS,
    };
    let code = "a code has 8 letters and digits, such as K7QX-99AB";
    check(venue.claim_code.as_ref().is_none_or(code_fits), "venue.claim_code", code)?;
    if let Some(wifi) = wifi {
        if let Some((key, what)) = wifi_trouble(&wifi.ssid, wifi.password.as_ref()) {
            return Err(read.refuse(&format!("wifi.{key}"), what));
        }
        check(
            wifi.country.as_deref().is_none_or(is_country),
            "wifi.country",
            "a country is two capital letters, such as GB",
        )?;
    }
    if let Some(what) = password_trouble(access_point.password.as_ref()) {
        return Err(read.refuse("access_point.password", what));
    }
    check(channels.len() <= CHANNELS_MAX, "channels", "there are more than 8")?;
    check(destinations.len() <= DESTINATIONS_MAX, "destinations", "there are more than 32")?;
    for (index, channel) in channels.iter().enumerate() {
        let key = format!("channels[{index}].name");
        check(name_fits(&channel.name), &key, NAME)?;
        check(!channels[..index].contains(channel), &key, "another channel has this name")?;
    }
    for (index, destination) in destinations.iter().enumerate() {
        let key = |name: &str| format!("destinations[{index}].{name}");
        check(name_fits(&destination.name), &key("name"), NAME)?;
        check(destination.url.contains("://"), &key("url"), "an address begins with rtmps://, srt:// or the like")?;
        match &destination.channel {
            Some(name) => {
                check(
                    channels.iter().any(|channel| channel.name == *name),
                    &key("channel"),
                    "no channel has this name",
                )?;
            }
            None => {
                check(channels.len() < 2, &format!("destinations[{index}].name"), "which `channel` is sent there?")?
            }
        }
    }
    if let Some(fleet) = fleet {
        check(fleet.url.starts_with("https://"), "fleet.url", "a server's address begins with https://")?;
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
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
[fleet]
url = "https://updates.example.org"
token = "t0ken"
"#;

    #[test]
    fn the_whole_file_is_read_and_its_secrets_are_shown_nowhere() {
        let preseed = read(WHOLE).unwrap();
        assert!(preseed.notes.is_empty(), "{:?}", preseed.notes);
        let Preseed { venue, wifi, access_point, channels, destinations, fleet } = &preseed.value;
        assert_eq!(venue.claim_code, Some(Secret::Text("K7QX-99AB".into())));
        assert_eq!(wifi.as_ref().unwrap().password, Some(Secret::Text("correct horse".into())));
        assert_eq!(access_point.password, Some(Secret::Text("staple battery".into())));
        assert_eq!((channels.len(), destinations[0].channel.as_deref()), (2, Some("Chapel")));
        assert_eq!(fleet.as_ref().unwrap().token, Some(Secret::Text("t0ken".into())));
        let open = KEYS.without_secrets(WHOLE).unwrap();
        for secret in ["K7QX", "correct horse", "staple", "abcd", "t0ken"] {
            assert!(!open.contains(secret) && !format!("{preseed:?}").contains(secret), "{secret}");
        }
        // What was used reads as such, and not as an open network.
        let again = read(&open).unwrap().value;
        assert_eq!(again.wifi.unwrap().password, Some(Secret::Removed));
        assert_eq!(again.destinations[0].stream_key, Some(Secret::Removed));
        assert_eq!(read("").unwrap().value, Preseed::default());
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        let check = |text: &str, expected: &str| {
            let refusal = read(text).unwrap_err().to_string();
            assert!(refusal.starts_with(expected), "{refusal}");
        };
        check("[venue]\nname = \" \"", "line 2: `venue.name`: a name has");
        check("[venue]\nclaim_code = \"K7QX-99\"", "line 2: `venue.claim_code`: a code has");
        check("[wifi]\nssid = \"Hall\"\npassword = \"short\"", "line 3: `wifi.password`: a Wi-Fi password has");
        check("[access_point]\npassword = \"short\"", "line 2: `access_point.password`: a Wi-Fi password has");
        check("[wifi]\nssid = \"\"", "line 2: `wifi.ssid`: a network's name has");
        check("[wifi]\npassword = \"correct horse\"", "line 1: missing field `ssid`");
        check("[wifi]\nssid = \"Hall\"\ncountry = \"gb\"", "line 3: `wifi.country`: a country is");
        check("[[channels]]\nname = \"a\"\n[[channels]]\nname = \"a\"", "line 4: `channels[1].name`: another channel");
        let destination = "[[destinations]]\nname = \"y\"\nurl = \"rtmp://h/a\"\n";
        assert!(read(destination).is_ok());
        check(&format!("{destination}channel = \"x\""), "line 4: `destinations[0].channel`: no channel");
        check(
            &format!("channels = [{{name = \"a\"}}, {{name = \"b\"}}]\n{destination}"),
            "line 3: `destinations[0].name`: which",
        );
        check("[fleet]\nurl = \"http://h\"", "line 2: `fleet.url`: a server's address");
        let many = "[[channels]]\nname = \"a\"\n".repeat(CHANNELS_MAX + 1);
        check(&many, "line 1: `channels`: there are more than 8");
    }
}
