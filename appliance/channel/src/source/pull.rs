//! A stream that is fetched from a server: RTMP, or by HTTP whatever lies there, an HLS playlist or MPEG-TS.

use super::chain::{self, Built};
use super::hls;
use super::live::{self, Connect, Try};
use crate::knock::Knock;
use automation::backoff::Steps;
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use gstreamer as gst;
use gstreamer::prelude::*;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use url::Url;

/// Time after which an HTTP server that does not answer is given up, seconds.
const HTTP_TIMEOUT_S: u32 = 8;
/// The same of an RTMP server, seconds.
const RTMP_TIMEOUT_S: u32 = 8;
/// How long a server is asked whether it listens, to tell one without TLS from one that is not there.
const KNOCK_LIMIT: Duration = Duration::from_millis(1_500);

/// How to reach a stream.
#[derive(Debug)]
pub(super) struct Pull {
    url: String,
    query: Secret,
    user: String,
    password: Secret,
    /// Asks whether the server listens.
    asker: RefCell<Knock>,
    /// What is known of a playlist at our address.
    playlist: Arc<hls::Shared>,
}

impl Connect for Pull {
    fn build(&self, this: &Arc<Try>) -> Result<(), Fault> {
        if self.is_rtmp() {
            return self.build_rtmp(this).map_err(chain::internal);
        }
        // It holds for one try: the next one looks anew.
        if self.playlist.known.swap(false, Ordering::Relaxed) {
            let address = Url::parse(&self.location()).map_err(|_| self.unintelligible())?;
            return hls::build(this, &address, &self.user, &self.password, &self.playlist);
        }
        self.build_http(this).map_err(chain::internal)
    }

    fn sender(&self) -> &'static str {
        "The server"
    }

    fn knock(&self) -> Option<(String, u16)> {
        live::host_and_port(&self.url, |scheme| match scheme {
            "rtmp" => 1935,
            "rtmps" | "https" => 443,
            _ => 80,
        })
    }

    fn steps(&self) -> Steps {
        Steps { first_ms: 1_000, ..Steps::SOURCE }
    }

    /// RTMP comes in its own time; what HTTP gives comes as fast as one takes it.
    fn is_fetched_ahead(&self) -> bool {
        !self.is_rtmp()
    }

    fn holds(&self) -> bool {
        self.playlist.begins.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> Fault {
        let fault = Fault::new(Code::SourceUnreachable, "");
        if self.is_rtmp() {
            // A server of RTMP says nothing where nobody publishes what is asked for.
            return fault.with_text("The server sends nothing.").with_remedy(
                "Check the name of the stream, and that somebody publishes it there. Bandstand tries again by itself.",
            );
        }
        unreachable()
    }

    fn stopped(&self) -> Fault {
        Fault::new(Code::SourceLost, "")
            .with_text("The stream has ended or come to a stop.")
            .with_remedy("Check the program at the far side. Bandstand connects again by itself.")
    }

    fn unintelligible(&self) -> Fault {
        Fault::new(Code::SourceNoVideo, "")
            .with_text("At this address there is no stream with a picture that can be shown here.")
            .with_remedy("Enter the address of a stream with H.264 and AAC: an HLS playlist (.m3u8), MPEG-TS or RTMP.")
    }

    fn judge(&self, error: &gst::glib::Error, debug: &str) -> Fault {
        let said = self.without_address(error.message(), debug);
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if has(&["TLS", "certificate"]) {
            return insecure();
        }
        if has(&["Unauthorized", "Forbidden", "(401)", "(403)", "authentication failed"]) {
            return refused();
        }
        if has(&["not found", "Not Found", "(404)", "(410)", "StreamNotFound"]) {
            return not_found();
        }
        // What `souphttpsrc` says where no connection comes about, whatever the reason.
        if error.is::<gst::ResourceError>() || has(&["gst_base_src_loop"]) {
            return if self.url.starts_with("https") && self.listens() { insecure() } else { unreachable() };
        }
        Fault { code: Code::SourceUnsupported, ..self.unintelligible() }
    }
}

/// The server wants to know who we are, or does not want us.
pub(super) fn refused() -> Fault {
    Fault::new(Code::SourceRefused, "")
        .with_text("The server refuses us.")
        .with_remedy("Enter the address again with its user name and password, or with its token.")
}

pub(super) fn not_found() -> Fault {
    Fault::new(Code::SourceNotFound, "")
        .with_text("The server has no stream at this address.")
        .with_remedy("Copy the address again from the program that offers the stream.")
}

/// The server listens, and no connection with TLS comes about.
pub(super) fn insecure() -> Fault {
    Fault::new(Code::SourceTls, "")
        .with_text("The server's certificate is not trusted, or it speaks no TLS.")
        .with_remedy("Check the address, and the box's date. In your own network the address may begin with http://")
}

pub(super) fn unreachable() -> Fault {
    Fault::new(Code::SourceUnreachable, "").with_text("The server does not answer.").with_remedy(
        "Check that it runs, that its address is right and the network is there. Bandstand tries again by itself.",
    )
}

impl Pull {
    pub(super) fn new(url: &str, query: &Secret, user: &str, password: &Secret) -> Pull {
        let (url, user) = (url.to_owned(), user.to_owned());
        let (query, password, asker) = (query.clone(), password.clone(), RefCell::new(Knock::new()));
        Pull { url, query, user, password, asker, playlist: Arc::default() }
    }

    fn listens(&self) -> bool {
        let Some((host, port)) = self.knock() else { return false };
        self.asker.borrow_mut().ask_within(&host, port, KNOCK_LIMIT) == Some(true)
    }

    fn is_rtmp(&self) -> bool {
        self.url.starts_with("rtmp")
    }

    /// What an error says, without what it repeats of our own address: that may hold any word.
    fn without_address(&self, message: &str, debug: &str) -> String {
        // As `souphttpsrc` ends its errors: with the address, and where it was sent on to.
        let debug = debug.split(", URL:").next().unwrap_or_default();
        let stream = self.url.rsplit('/').next().unwrap_or_default();
        let own = [self.query.expose(), stream].into_iter().filter(|part| !part.is_empty());
        own.fold(format!("{message} {debug}"), |said, part| said.replace(part, ""))
    }

    fn location(&self) -> String {
        let Pull { url, query, .. } = self;
        if query.is_empty() { url.clone() } else { format!("{url}?{}", query.expose()) }
    }

    /// The address with user and password in it.
    fn location_with_user(&self) -> String {
        let location = self.location();
        match location.split_once("://") {
            Some((scheme, rest)) if !self.user.is_empty() => {
                let (user, password) = (escaped(&self.user), escaped(self.password.expose()));
                format!("{scheme}://{user}:{password}@{rest}")
            }
            _ => location,
        }
    }

    /// A client of RTMP. It takes a location apart at its last `/`, wherever that stands, and forgets user and password with
    /// a new one: so the query goes to the stream's name by itself, and the user comes last.
    fn rtmp_client(&self) -> Built<gst::Element> {
        let source = gst::ElementFactory::make("rtmp2src").property("timeout", RTMP_TIMEOUT_S).build()?;
        source.set_property("location", &self.url);
        if !self.query.is_empty() {
            let stream: String = source.property("stream");
            source.set_property("stream", format!("{stream}?{}", self.query.expose()));
        }
        if !self.user.is_empty() {
            source.set_property("username", &self.user);
            source.set_property("password", self.password.expose());
        }
        Ok(source)
    }

    fn build_rtmp(&self, this: &Arc<Try>) -> Built<()> {
        let source = self.rtmp_client()?;
        let demux = chain::make("flvdemux")?;
        this.attach_streams_of(&demux);
        chain::chain(&this.pipeline, &[&source, &demux])?;
        this.listen_for_data(&source.static_pad("src").expect("a source has one"));
        Ok(())
    }

    fn build_http(&self, this: &Arc<Try>) -> Built<()> {
        let source = gst::ElementFactory::make("souphttpsrc")
            .property("timeout", HTTP_TIMEOUT_S)
            // We try again ourselves, and say why it failed.
            .property("retries", 0i32)
            .property("location", self.location_with_user())
            .build()?;
        // Finds out what it is, and gives the streams inside.
        let parse = chain::make("parsebin")?;
        this.attach_streams_of(&parse);
        chain::chain(&this.pipeline, &[&source, &parse])?;
        let pad = source.static_pad("src").expect("a source has one");
        leave_playlists(this, &pad, &self.playlist);
        this.listen_for_data(&pad);
        Ok(())
    }
}

/// Ends a try that finds a playlist: the next one follows it.
fn leave_playlists(this: &Arc<Try>, pad: &gst::Pad, playlist: &Arc<hls::Shared>) {
    let (to, playlist, found) = (Arc::downgrade(this), playlist.clone(), AtomicBool::new(false));
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &info.data else { return gst::PadProbeReturn::Ok };
        let Some(this) = to.upgrade() else { return gst::PadProbeReturn::Remove };
        // Nothing of it reaches an element that would follow it by itself.
        if found.load(Ordering::Relaxed) || this.is_over() {
            return gst::PadProbeReturn::Drop;
        }
        if !buffer.map_readable().is_ok_and(|map| hls::is_playlist(&map)) {
            return gst::PadProbeReturn::Remove;
        }
        found.store(true, Ordering::Relaxed);
        playlist.known.store(true, Ordering::Relaxed);
        this.begin_again();
        gst::PadProbeReturn::Drop
    });
}

/// A text as it stands in an address (RFC 3986, section 2.1).
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte as char),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(url: &str) -> Pull {
        Pull::new(url, &Secret::new("token=a@b"), "Zoë", &Secret::new("p@ss:/"))
    }

    #[test]
    fn an_address_is_put_together_again() {
        let http = pull("http://tv:8409/live.m3u8");
        assert_eq!(http.location_with_user(), "http://Zo%C3%AB:p%40ss%3A%2F@tv:8409/live.m3u8?token=a@b");
    }

    #[test]
    fn a_stream_by_rtmp_is_asked_for_with_its_whole_query() {
        gst::init().unwrap();
        for (url, query, application, stream) in [
            ("rtmp://tv/live/stage", "token=a@b", "live", "stage?token=a@b"),
            ("rtmp://tv:1936/live/stage", "sign=a/b/c==", "live", "stage?sign=a/b/c=="),
            ("rtmp://tv/live/main/stage", "", "live/main", "stage"),
        ] {
            let client = Pull::new(url, &Secret::new(query), "Zoë", &Secret::new("p@ss:/")).rtmp_client().unwrap();
            let is = |name: &str| client.property::<String>(name);
            assert_eq!((is("application"), is("stream")), (application.into(), stream.into()), "{url}?{query}");
            assert_eq!((is("host"), is("username"), is("password")), ("tv".into(), "Zoë".into(), "p@ss:/".into()));
        }
    }

    #[test]
    fn an_error_is_judged_by_what_the_server_says_and_not_by_our_own_address() {
        let stream = gst::glib::Error::new(gst::StreamError::Failed, "Internal data stream error.");
        let failed = |message: &str| gst::glib::Error::new(gst::ResourceError::Failed, message);
        let soup = |said: &str| {
            format!("soup.c(1): parse(): /src:\n{said}, URL: http://tv/TLS/(404)/x.ts, Redirect to: (null)")
        };
        let (http, rtmp) = (pull("http://tv/TLS/(404)/x.ts"), pull("rtmp://tv/live/(404)"));
        for (pull, error, debug, want) in [
            (&http, &failed("Not Found"), soup("Not Found (404)"), Code::SourceNotFound),
            (&http, &failed("Forbidden"), soup("Forbidden (403)"), Code::SourceRefused),
            (&http, &failed("Bad Gateway"), soup("Bad Gateway (502)"), Code::SourceUnreachable),
            (&rtmp, &failed("play: StreamNotFound: (404)?token=a@b"), String::new(), Code::SourceNotFound),
            (&rtmp, &failed("play: Failed: (404)?token=a@b"), String::new(), Code::SourceUnreachable),
            (&http, &stream, "gst_base_src_loop (): reason error (-5)".to_owned(), Code::SourceUnreachable),
            (&http, &stream, "nothing that is known".to_owned(), Code::SourceUnsupported),
        ] {
            assert_eq!(pull.judge(error, &debug).code, want, "{error} {debug}");
        }
    }

    #[test]
    fn a_knock_asks_the_port_of_the_scheme() {
        for (url, host, port) in [
            ("http://tv:8409/live.m3u8", "tv", 8409),
            ("http://tv", "tv", 80),
            ("https://[fe80::1]/a:b", "fe80::1", 443),
            ("rtmp://[fe80::1]:1936/live/stage", "fe80::1", 1936),
            ("rtmp://tv/live/stage", "tv", 1935),
        ] {
            assert_eq!(pull(url).knock(), Some((host.to_owned(), port)), "{url}");
        }
    }
}
