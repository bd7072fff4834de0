//! The client against a server that sends whatever a test wants.

use super::*;
use automation::secret::Secret;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Instant;

/// Answers the n-th connection with the n-th text, and gives back what was asked.
fn server(answers: &'static [&'static str]) -> (Url, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/onvif/x?y=1", listener.local_addr().unwrap())).unwrap();
    let thread = std::thread::spawn(move || {
        let one = |answer: &&str| {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut asked, mut bytes) = (Vec::new(), [0u8; 4096]);
            while !String::from_utf8_lossy(&asked).contains("</q>") {
                match stream.read(&mut bytes).unwrap() {
                    0 => break,
                    n => asked.extend_from_slice(&bytes[..n]),
                }
            }
            let _ = stream.write_all(answer.as_bytes());
            String::from_utf8_lossy(&asked).into_owned()
        };
        answers.iter().map(one).collect()
    });
    (url, thread)
}

fn client(wait_ms: u64) -> Http {
    let credentials = Credentials { user: "venue".into(), password: Secret::new("secret-31") };
    Http::new(credentials, Duration::from_millis(wait_ms))
}

fn post(url: &Url, http: &mut Http, bytes_max: u64) -> Result<Answer, CameraError> {
    http.ask(&Question { url, post: Some(("application/soap+xml", "<q></q>")), bytes_max })
}

#[test]
fn a_challenge_is_answered_once_and_the_password_never_goes_out() {
    let (url, thread) = server(&[
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: Digest realm=\"cam\", qop=\"auth\", \
         nonce=\"n1\"\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<a/>\n",
        "HTTP/1.0 200 OK\r\n\r\n<b/>",
    ]);
    let mut http = client(5000);
    assert_eq!(post(&url, &mut http, 100).unwrap().body, b"<a/>\n");
    assert_eq!(post(&url, &mut http, 100).unwrap().body, b"<b/>");
    let asked = thread.join().unwrap();
    assert!(!asked[0].contains("uthorization"), "{}", asked[0]);
    for asked in &asked[1..] {
        assert!(asked.contains("uri=\"/onvif/x?y=1\"") && asked.contains("nonce=\"n1\""), "{asked}");
    }
    assert!(asked.iter().all(|asked| !asked.contains("secret-31")));
}

#[test]
fn what_a_camera_may_not_do_is_refused() {
    let check = |answer: &'static [&'static str], expected: &str| {
        let (url, thread) = server(answer);
        let error = post(&url, &mut client(5000), 100).unwrap_err();
        assert_eq!(error.to_string(), expected);
        thread.join().unwrap();
    };
    check(
        &["HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"],
        "it sends us elsewhere, and redirects are not followed",
    );
    check(
        &["HTTP/1.1 307 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"],
        "it sends us elsewhere, and redirects are not followed",
    );
    check(
        &["HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"],
        "it takes the password in plain text only, which is not sent over the network",
    );
    const LONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n\
        01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890";
    check(&[LONG], "its answer is larger than 100 bytes");
}

#[test]
fn what_is_no_http_is_told_as_such() {
    for answer in [&["SSH-2.0-OpenSSH_9.2\r\n\r\n"][..], &[""], &["HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nx"]] {
        let (url, thread) = server(answer);
        let error = post(&url, &mut client(5000), 100).unwrap_err();
        assert!(matches!(error, CameraError::NotUnderstood(_)), "{answer:?}: {error:?}");
        thread.join().unwrap();
    }
}

#[test]
fn silence_and_absence_have_a_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let begun = Instant::now();
    assert!(matches!(post(&url, &mut client(300), 100), Err(CameraError::Silent)));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(listener);
    assert!(matches!(post(&url, &mut client(5000), 100), Err(CameraError::Unreachable(_))));
}
