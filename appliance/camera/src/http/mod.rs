//! A small HTTP client for cameras: plain HTTP/1.1, a new connection for each question, as their servers like it best.
//! No redirect is followed and no proxy is used; an answer has a limit in time and size.

mod digest;

use crate::{CameraError, Credentials, Url, tame};
use digest::Challenge;
use std::time::Duration;
use ureq::http::{Request, header::WWW_AUTHENTICATE};
use ureq::{Agent, Body};

/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Largest head of an answer, bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Asks one camera.
#[derive(Debug)]
pub(crate) struct Http {
    agent: Agent,
    credentials: Credentials,
    /// The last challenge, so that the next question is answered at once.
    challenge: Option<Challenge>,
}

/// What a camera answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// A question.
pub(crate) struct Question<'a> {
    pub(crate) url: &'a Url,
    /// `Content-Type` and body of a POST; a GET without.
    pub(crate) post: Option<(&'a str, &'a str)>,
    /// Largest answer, bytes.
    pub(crate) bytes_max: u64,
}

impl Http {
    /// A client that waits for a whole answer at most for `wait`.
    pub(crate) fn new(credentials: Credentials, wait: Duration) -> Http {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .max_idle_connections(0)
            .max_response_header_size(HEAD_BYTES_MAX)
            .timeout_connect(Some(CONNECT_MAX.min(wait)))
            .timeout_global(Some(wait))
            .user_agent("Bandstand");
        Http { agent: config.build().new_agent(), credentials, challenge: None }
    }

    /// Who asks.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Asks, and once more where the camera first wants to know who asks.
    pub(crate) fn ask(&mut self, question: &Question<'_>) -> Result<Answer, CameraError> {
        let mut response = self.send(question, self.challenge.clone())?;
        if response.status() == 401 {
            let headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
            let kinds: Vec<&str> = headers.filter_map(|header| header.to_str().ok()).collect();
            let basic = |kind: &&str| kind.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"));
            match kinds.iter().find_map(|kind| Challenge::parse(kind)) {
                Some(challenge) if !self.credentials.user.is_empty() => {
                    self.challenge = Some(challenge.clone());
                    response = self.send(question, Some(challenge))?;
                }
                None if kinds.iter().any(basic) => return Err(CameraError::PlainPassword),
                _ => {}
            }
        }
        let status = response.status().as_u16();
        if (300..400).contains(&status) {
            return Err(CameraError::Unsupported("it sends us elsewhere, and redirects are not followed".into()));
        }
        let limit = question.bytes_max;
        match response.body_mut().with_config().limit(limit).read_to_vec() {
            Ok(body) => Ok(Answer { status, body }),
            Err(ureq::Error::BodyExceedsLimit(_)) => Err(CameraError::TooLarge(limit)),
            Err(error) => Err(failed(error)),
        }
    }

    fn send(
        &self,
        question: &Question<'_>,
        challenge: Option<Challenge>,
    ) -> Result<ureq::http::Response<Body>, CameraError> {
        let method = if question.post.is_some() { "POST" } else { "GET" };
        let mut request = Request::builder().method(method).uri(question.url.to_string());
        if let Some(challenge) = challenge {
            let answer = challenge.answer(&self.credentials, method, question.url.path(), &unguessable()?);
            request = request.header("Authorization", answer);
        }
        let wrong = |error: ureq::http::Error| CameraError::Unsupported(error.to_string());
        let answered = match question.post {
            Some((kind, body)) => self.agent.run(request.header("Content-Type", kind).body(body).map_err(wrong)?),
            None => self.agent.run(request.body(()).map_err(wrong)?),
        };
        answered.map_err(failed)
    }
}

fn failed(error: ureq::Error) -> CameraError {
    match error {
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            CameraError::Unreachable("no connection comes about".into())
        }
        ureq::Error::Timeout(_) => CameraError::Silent,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            CameraError::NotUnderstood("it breaks the connection off".into())
        }
        ureq::Error::Io(error) => CameraError::Unreachable(tame(&error.to_string(), 100)),
        ureq::Error::HostNotFound => CameraError::Unreachable("there is no host of this name".into()),
        ureq::Error::ConnectionFailed => CameraError::Unreachable("no connection comes about".into()),
        error => CameraError::NotUnderstood(tame(&error.to_string(), 100)),
    }
}

/// 128 bits that nobody can guess, as 32 hexadecimal digits.
pub(crate) fn unguessable() -> Result<String, CameraError> {
    let mut bytes = [0u8; 16];
    random(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Fills `bytes` by the kernel's random generator.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), CameraError> {
    let length = bytes.len();
    match rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty()) {
        // Up to 256 bytes come whole (getrandom(2)).
        Ok(got) if got == length => Ok(()),
        _ => Err(CameraError::Failed("the box has no random numbers".into())),
    }
}

#[cfg(test)]
mod tests;
