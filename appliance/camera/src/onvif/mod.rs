//! ONVIF (Core, Media, Media 2 and PTZ Service Specifications 22.12): what a camera is, where its streams are, and to
//! move it.

mod describe;
mod media;
mod ptz;

pub use describe::{Description, Information, PtzService, describe, mac_of};
pub use media::{Profile, choose};
pub(crate) use ptz::PtzHead;

use crate::http::{Http, Question};
use crate::soap::{self, CameraTime};
use crate::xml;
use crate::{CameraError, Credentials, Url};
use roxmltree::Document;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long one question may take: cameras are slow, and a person waits.
const WAIT: Duration = Duration::from_secs(6);
/// After so long a camera's clock may be another, so that a refusal is answered by asking for the time anew.
const CLOCK_OLD: Duration = Duration::from_secs(60);
/// Largest snapshot, bytes: a 4K picture in good quality has 3 MB.
const SNAPSHOT_BYTES_MAX: u64 = 8 << 20;

const DEVICE: &str = "http://www.onvif.org/ver10/device/wsdl";
const MEDIA: &str = "http://www.onvif.org/ver10/media/wsdl";
const MEDIA2: &str = "http://www.onvif.org/ver20/media/wsdl";
const PTZ: &str = "http://www.onvif.org/ver20/ptz/wsdl";
const SCHEMA: &str = "http://www.onvif.org/ver10/schema";

/// A conversation with one camera.
#[derive(Debug)]
struct Session {
    http: Http,
    device: Url,
    /// The camera's clock less ours, milliseconds, and when it was read. Tokens are stamped by the camera's clock.
    skew: Option<(i64, Instant)>,
}

impl Session {
    fn new(device: Url, credentials: Credentials) -> Session {
        Session { http: Http::new(credentials, WAIT), device, skew: None }
    }

    /// Asks the operation `name` of a service. `inner` is what its element holds.
    fn ask<T>(
        &mut self,
        url: &Url,
        service: &str,
        name: &str,
        inner: &str,
        take: impl Fn(&Document<'_>) -> Result<T, CameraError>,
    ) -> Result<T, CameraError> {
        if self.skew.is_none() {
            self.read_clock()?;
        }
        let first = self.once(url, service, name, inner, &take);
        let old = self.skew.is_some_and(|(_, read)| read.elapsed() > CLOCK_OLD);
        match first {
            // A camera that was restarted has begun its time anew; then our stamps are too old for it.
            Err(CameraError::Refused) if old => {
                self.read_clock()?;
                self.once(url, service, name, inner, &take)
            }
            first => first,
        }
    }

    fn once<T>(
        &mut self,
        url: &Url,
        service: &str,
        name: &str,
        inner: &str,
        take: impl Fn(&Document<'_>) -> Result<T, CameraError>,
    ) -> Result<T, CameraError> {
        let at = our_clock() + self.skew.map_or(0, |(skew, _)| skew);
        self.call(url, service, name, inner, Some(at), take)
    }

    fn call<T>(
        &mut self,
        url: &Url,
        service: &str,
        name: &str,
        inner: &str,
        at: Option<CameraTime>,
        take: impl Fn(&Document<'_>) -> Result<T, CameraError>,
    ) -> Result<T, CameraError> {
        let body = format!("<{name} xmlns=\"{service}\">{inner}</{name}>");
        soap::call(&mut self.http, url, &format!("{service}/{name}"), &body, at, take)
    }

    /// Reads the camera's clock, which it tells to everybody (Core 8.3.6). Where it does not, its clock is taken for
    /// right.
    fn read_clock(&mut self) -> Result<(), CameraError> {
        let (device, before) = (self.device.clone(), our_clock());
        let read = self.call(&device, DEVICE, "GetSystemDateAndTime", "", None, |document| Ok(camera_clock(document)));
        let skew = match read {
            // Half of the way there and back has passed since the camera looked.
            Ok(Some(at)) => at - (before + our_clock()) / 2,
            Err(error @ (CameraError::Unreachable(_) | CameraError::Silent | CameraError::NotUnderstood(_))) => {
                return Err(error);
            }
            _ => 0,
        };
        self.skew = Some((skew, Instant::now()));
        Ok(())
    }

    /// A JPEG of what the camera sees.
    fn snapshot(&mut self, url: &Url) -> Result<Vec<u8>, CameraError> {
        let answer = self.http.ask(&Question { url, post: None, bytes_max: SNAPSHOT_BYTES_MAX })?;
        match answer.status {
            // SOI, and the first byte of the marker after it (ITU-T T.81, B.1.1.3).
            200 if answer.body.starts_with(&[0xFF, 0xD8, 0xFF]) => Ok(answer.body),
            200 => Err(CameraError::NotUnderstood("its picture is no JPEG".into())),
            401 | 403 => Err(CameraError::Refused),
            status => Err(CameraError::NotUnderstood(format!("it answers with HTTP status {status}"))),
        }
    }
}

/// A JPEG of what a camera sees now.
pub fn snapshot(url: &Url, credentials: &Credentials) -> Result<Vec<u8>, CameraError> {
    Session::new(url.clone(), credentials.clone()).snapshot(url)
}

fn our_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |at| i64::try_from(at.as_millis()).unwrap_or(0))
}

fn camera_clock(document: &Document<'_>) -> Option<CameraTime> {
    let utc = xml::first(document.root(), "UTCDateTime")?;
    let (time, date) = (xml::first(utc, "Time")?, xml::first(utc, "Date")?);
    let civil = jiff::civil::DateTime::new(
        xml::number(date, "Year")?,
        xml::number(date, "Month")?,
        xml::number(date, "Day")?,
        xml::number(time, "Hour")?,
        xml::number(time, "Minute")?,
        // A leap second, which some clocks tell.
        xml::number::<i8>(time, "Second")?.min(59),
        0,
    );
    Some(civil.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cameras_clock_is_read() {
        let clock = |date: &str| {
            let time = "<Time><Hour>7</Hour><Minute>50</Minute><Second>60</Second></Time>";
            let text = format!("<E><LocalDateTime/><UTCDateTime>{time}<Date>{date}</Date></UTCDateTime></E>");
            camera_clock(&xml::parse(&text).unwrap())
        };
        assert_eq!(clock("<Year>2010</Year><Month>9</Month><Day>16</Day>"), Some(1_284_623_459_000));
        assert_eq!(clock("<Year>2010</Year><Month>13</Month><Day>16</Day>"), None);
        assert_eq!(clock("<Year>99999</Year><Month>1</Month><Day>1</Day>"), None);
    }
}
