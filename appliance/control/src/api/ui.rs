//! The page's files, which are part of this program.

use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION};
use warp::http::{Method, Response as HttpResponse, StatusCode};
use warp::reply::Response;

/// A file of the page.
struct UiFile {
    /// Path below `/`.
    path: &'static str,
    /// Content type.
    kind: &'static str,
    /// SHA-256 of its content, in quotes (RFC 9110, section 8.8.3).
    etag: &'static str,
    /// Whether its name changes with its content, so that it may be kept for ever.
    immutable: bool,
    /// Its content.
    bytes: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/ui_files.rs"));

/// What is shown where the page was not built.
const ABSENT: &str = include_str!("ui_absent.html");

pub(super) fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "This can only be read.\n");
    }
    let wanted = match path.trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    if let Some(file) = UI_FILES.iter().find(|file| file.path == wanted) {
        return serve(file, headers);
    }
    if wanted == "index.html" {
        let mut response = HttpResponse::new(ABSENT.into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return response;
    }
    // An address that somebody has typed leads to the page; a file that is missing is missing.
    if !wanted.rsplit('/').next().unwrap_or_default().contains('.') {
        let mut response = plain(StatusCode::SEE_OTHER, "The page is at /.\n");
        response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
        return response;
    }
    plain(StatusCode::NOT_FOUND, "There is no such file.\n")
}

fn serve(file: &UiFile, headers: &HeaderMap) -> Response {
    let known = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let known = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == file.etag));
    let mut response: Response = if known {
        let mut response: Response = HttpResponse::new("".into());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        HttpResponse::new(file.bytes.into())
    };
    let keep = if file.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    response.headers_mut().insert(ETAG, HeaderValue::from_static(file.etag));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response: Response = HttpResponse::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
