//! Answers of the API: JSON documents, and problems as RFC 9457 has them.

use super::route::Gives;
use crate::refusal::Refusal;
use automation::fault::Code;
use automation::spec::Wrong;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use warp::http::{Response as HttpResponse, StatusCode};
use warp::reply::Response;

/// Content type of a problem.
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// Seconds that a client is told to wait after `too_many`.
const RETRY_AFTER_S: u32 = 60;

/// Why a request was refused (RFC 9457).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:bandstand:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, in general.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened, exactly.
    pub detail: String,
    /// Stable name of this kind of problem.
    pub code: Code,
    /// What a person can do.
    pub remedy: String,
    /// Every wrong place of the document that was sent.
    pub wrongs: Vec<Wrong>,
}

impl Problem {
    /// The problem that a refusal is to a client.
    pub fn of(refusal: &Refusal) -> Problem {
        let code = refusal.code;
        Problem {
            kind: format!("urn:bandstand:{}", code.as_str()),
            title: code.text().into(),
            status: status_of(code).as_u16(),
            detail: refusal.detail.clone(),
            code,
            remedy: code.remedy().into(),
            wrongs: refusal.wrongs.clone(),
        }
    }

    /// The same under another status.
    pub fn under(mut self, status: StatusCode) -> Problem {
        self.status = status.as_u16();
        self
    }

    /// The answer.
    pub fn answer(&self) -> Response {
        let body = serde_json::to_vec(self).expect("a problem has text keys only");
        let mut response = HttpResponse::new(body.into());
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::TOO_MANY_REQUESTS.as_u16() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
        }
        response
    }
}

/// The HTTP status of a code.
pub fn status_of(code: Code) -> StatusCode {
    match code {
        Code::RequestInvalid => StatusCode::BAD_REQUEST,
        Code::SignInNeeded => StatusCode::UNAUTHORIZED,
        Code::SignInRefused => StatusCode::FORBIDDEN,
        Code::NotFound | Code::MediaMissing => StatusCode::NOT_FOUND,
        Code::Conflict | Code::InUse | Code::PlatformStricter => StatusCode::CONFLICT,
        Code::CameraOnAir | Code::OnAir | Code::WifiAbsent => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TimelineInvalid | Code::SpecInvalid | Code::MediaUnreadable => StatusCode::UNPROCESSABLE_ENTITY,
        Code::CameraRefused | Code::CameraUnsupported | Code::PresetMissing => StatusCode::UNPROCESSABLE_ENTITY,
        Code::CameraNotUnderstood | Code::MoveFailed => StatusCode::BAD_GATEWAY,
        Code::CameraUnreachable => StatusCode::GATEWAY_TIMEOUT,
        Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::StorageFailed => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The answer of a route that did its work.
pub fn json_answer<T: Serialize>(status: StatusCode, gives: Gives, document: &T) -> Response {
    let mut response = match gives {
        Gives::Json(_) => {
            let body = serde_json::to_vec(document).expect("documents have text keys only");
            let mut response: Response = HttpResponse::new(body.into());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        _ => HttpResponse::new("".into()),
    };
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
