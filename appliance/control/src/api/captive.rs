//! The page for who has joined the box's own access point and asks for anything else: telephones ask for an address of their
//! maker's at once, and show what comes instead. It can only point to the box's page, which is there by HTTPS alone.

use super::listen::https;
use crate::network::ADDRESS;
use std::net::IpAddr;
use warp::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use warp::http::{Response, StatusCode};

/// Whether a request by the access point, where every name leads to the box, is for somebody else. Names without a dot, and those
/// of the house, are the box's own.
pub(super) fn is_foreign(host: &str) -> bool {
    let host = host.trim_end_matches('.').trim_start_matches('[').trim_end_matches(']');
    host.contains('.') && host.parse::<IpAddr>().is_err() && !host.to_ascii_lowercase().ends_with(".local")
}

/// The page. Telephones show it in a window of its own that takes no certificate it does not know: so the address is said, too.
/// Nothing of the request is in it.
pub(super) fn page(https_port: u16) -> Response<String> {
    let address = https(ADDRESS, https_port);
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Bandstand</title>\n\
         <style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem;color:#111;\
         background:#fff}}a{{font-weight:bold}}</style>\n\
         <h1>You are connected to Bandstand</h1>\n\
         <p>This is the box's own Wi-Fi. It has no internet; it is there so that you can set up the box.</p>\n\
         <p>Open your browser, for example Safari or Chrome, and enter this address:</p>\n\
         <p><a href=\"{address}\">{address}</a></p>\n\
         <p>The browser warns once that the connection is not private. The box made its certificate itself, since nobody else can \
         vouch for a box in your house; it is encrypted all the same. Choose \u{201c}Advanced\u{201d} or \u{201c}Show details\u{201d}, \
         and continue.</p>\n\
         <p>Then choose your Wi-Fi under Settings, \u{201c}Network\u{201d}. When the box has joined it, this Wi-Fi goes away.</p>\n\
         </html>\n"
    );
    let mut response = Response::new(text);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_somebody_else_is_told_where_the_box_is() {
        for host in ["captive.apple.com", "connectivitycheck.gstatic.com", "www.msftconnecttest.com.", "a.localx"] {
            assert!(is_foreign(host), "{host}");
        }
        for host in ["10.42.0.1", "[fd00::1]", "bandstand-3f7a.local", "Hall.LOCAL", "bandstand-3f7a", "127.0.0.1", ""]
        {
            assert!(!is_foreign(host), "{host}");
        }
    }

    #[test]
    fn the_page_is_plain_and_names_the_address() {
        let text = page(443).into_body();
        assert!(text.contains("href=\"https://10.42.0.1\"") && !text.contains("<script"), "{text}");
        assert!(page(8443).body().contains(">https://10.42.0.1:8443<"));
    }
}
