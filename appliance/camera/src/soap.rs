//! SOAP 1.2 with the UsernameToken of WS-Security (OASIS, UsernameToken Profile 1.0), as ONVIF Core 5.12 asks for it.

use crate::http::{Answer, Http, Question, random};
use crate::xml::{self, TEXT_CHARS_MAX, escape};
use crate::{CameraError, Credentials, Url, tame};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use roxmltree::Document;
use sha1::{Digest, Sha1};

/// Largest answer, bytes: the profile lists of recorders with 64 cameras have some hundred thousand.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// A moment by a camera's own clock, milliseconds since 1970.
pub(crate) type CameraTime = i64;

/// Asks an operation. `body` is its element; `at` says who asks, by the camera's clock, where that is to be told.
/// What is read out of the answer is `take`'s to say.
pub(crate) fn call<T>(
    http: &mut Http,
    url: &Url,
    action: &str,
    body: &str,
    at: Option<CameraTime>,
    take: impl FnOnce(&Document<'_>) -> Result<T, CameraError>,
) -> Result<T, CameraError> {
    let header = match at {
        Some(at) if !http.credentials().user.is_empty() => security(http.credentials(), at)?,
        _ => String::new(),
    };
    let envelope = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">\
         <s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    );
    let kind = format!("application/soap+xml; charset=utf-8; action=\"{action}\"");
    let answer = http.ask(&Question { url, post: Some((&kind, &envelope)), bytes_max: ANSWER_BYTES_MAX })?;
    read(&answer, take)
}

fn read<T>(answer: &Answer, take: impl FnOnce(&Document<'_>) -> Result<T, CameraError>) -> Result<T, CameraError> {
    let text = xml::declared(String::from_utf8_lossy(&answer.body));
    let parsed = xml::parse(&text);
    if let Some(fault) = parsed.as_ref().ok().and_then(fault) {
        return Err(fault);
    }
    match answer.status {
        200 => take(&parsed?),
        401 | 403 => Err(CameraError::Refused),
        404 => Err(CameraError::NotUnderstood("there is no ONVIF at this address".into())),
        status => Err(CameraError::NotUnderstood(format!("it answers with HTTP status {status}"))),
    }
}

/// The fault of an answer, where it is one.
fn fault(document: &Document<'_>) -> Option<CameraError> {
    let body = document.root_element().children().find(|node| node.tag_name().name() == "Body")?;
    let fault = body.children().find(|node| node.tag_name().name() == "Fault")?;
    // SOAP 1.2 has Code/Value and Subcode/Value, 1.1 has faultcode: whichever is there.
    let codes: Vec<&str> =
        xml::all(fault, "Value").chain(xml::all(fault, "faultcode")).filter_map(|v| v.text()).collect();
    let says = |code: &str| codes.iter().any(|found| found.trim().rsplit(':').next() == Some(code));
    let reason =
        xml::text(fault, "Text").or_else(|| xml::text(fault, "faultstring")).unwrap_or("a fault without words");
    let reason = tame(reason, TEXT_CHARS_MAX);
    Some(if says("NotAuthorized") || says("FailedAuthentication") || says("FailedCheck") {
        CameraError::Refused
    } else if says("NoToken") || says("InvalidArgVal") && says("NoEntity") {
        CameraError::NoPreset(reason)
    } else if says("ActionNotSupported") || says("NoSuchService") {
        CameraError::Unsupported(format!("it does not do this: {reason}"))
    } else if reason.to_ascii_lowercase().contains("not authorized") {
        CameraError::Refused
    } else {
        CameraError::Failed(reason)
    })
}

const SECURITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const TOKEN: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0";
const MESSAGE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0";

fn security(credentials: &Credentials, at: CameraTime) -> Result<String, CameraError> {
    let mut nonce = [0u8; 16];
    random(&mut nonce)?;
    let created = created(at);
    let digest = digest(&nonce, &created, credentials.password.expose());
    let (user, nonce) = (escape(&credentials.user), BASE64_STANDARD.encode(nonce));
    Ok(format!(
        "<Security s:mustUnderstand=\"1\" xmlns=\"{SECURITY}\"><UsernameToken><Username>{user}</Username>\
         <Password Type=\"{TOKEN}#PasswordDigest\">{digest}</Password>\
         <Nonce EncodingType=\"{MESSAGE}#Base64Binary\">{nonce}</Nonce>\
         <Created xmlns=\"{UTILITY}\">{created}</Created></UsernameToken></Security>"
    ))
}

/// `Base64(SHA-1(nonce + created + password))` (UsernameToken Profile 1.0, section 3.1).
fn digest(nonce: &[u8], created: &str, password: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(nonce);
    hash.update(created.as_bytes());
    hash.update(password.as_bytes());
    BASE64_STANDARD.encode(hash.finalize())
}

fn created(at: CameraTime) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the ONVIF Application Programmer's Guide 1.0, section 6.1.1.3.
    #[test]
    fn the_digest_of_the_programmers_guide() {
        let nonce = BASE64_STANDARD.decode("LKqI6G/AikKCQrN0zqZFlg==").unwrap();
        assert_eq!(digest(&nonce, "2010-09-16T07:50:45Z", "userpassword"), "tuOSpGlFlIXsozq4HFNeeGeFLEI=");
        assert_eq!(created(1_284_623_445_000), "2010-09-16T07:50:45Z");
    }

    fn answered(status: u16, body: &str) -> Result<String, CameraError> {
        let answer = Answer { status, body: body.as_bytes().to_vec() };
        read(&answer, |document| Ok(xml::text(document.root(), "X").unwrap_or_default().to_owned()))
    }

    #[test]
    fn faults_are_told_apart() {
        let fault = |subcode: &str, text: &str| {
            format!(
                "<e:Envelope xmlns:e=\"urn:e\"><e:Body><e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode>\
                 <e:Value>ter:{subcode}</e:Value></e:Subcode></e:Code><e:Reason><e:Text>{text}</e:Text></e:Reason>\
                 </e:Fault></e:Body></e:Envelope>"
            )
        };
        let check = |body: &str, status: u16, expected: &str| {
            assert_eq!(answered(status, body).unwrap_err().to_string(), expected);
        };
        check(&fault("NotAuthorized", "x"), 400, "it refuses the user name or password");
        check(&fault("NoToken", "no 7"), 400, "it has no preset \"no 7\"");
        check(&fault("ActionNotSupported", "x"), 500, "it does not do this: x");
        check(&fault("Action", "too\n hot"), 200, "it says: too hot");
        check(&fault("Action", "Sender not authorized"), 401, "it refuses the user name or password");
        check("", 401, "it refuses the user name or password");
        check("<html>", 404, "its answer is not understood: there is no ONVIF at this address");
        check("<a/>", 503, "its answer is not understood: it answers with HTTP status 503");
        assert_eq!(answered(200, "<E><Body><X>yes</X></Body></E>").unwrap(), "yes");
        assert!(matches!(answered(200, "<html><p>router"), Err(CameraError::NotUnderstood(_))));
    }
}
