//! The box's own certificate: made by itself, kept in the state folder, for every name and address by which it is
//! reached. It is made anew when one of these is missing in it, or when its time is over.

use crate::store::seal::write_private;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

/// How long a certificate is good, days. Apple's systems take none above 825.
const DAYS: i64 = 800;
/// How many days before its end it is made anew.
const RENEWED_DAYS: i64 = 60;
/// Names in one certificate.
const NAMES_MAX: usize = 64;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It cannot be read or written.
    #[error("the certificate in {folder} cannot be read or written")]
    File {
        /// Where.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be made.
    #[error("no certificate could be made")]
    Make(#[from] rcgen::Error),
    /// It cannot be used.
    #[error("the certificate cannot be used")]
    Use(#[from] rustls::Error),
}

/// What is kept beside the certificate, to know when it must be made anew.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct About {
    names: BTreeSet<String>,
    until_ms: i64,
}

/// The TLS configuration with the certificate of a folder. `wall_ms` is now.
pub fn config(folder: &Path, names: BTreeSet<String>, wall_ms: i64) -> Result<Arc<ServerConfig>, TlsError> {
    let failed = |source| TlsError::File { folder: folder.display().to_string(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let about: Option<About> = read("about.json").and_then(|text| serde_json::from_str(&text).ok());
    let good = about
        .is_some_and(|about| names.is_subset(&about.names) && wall_ms + RENEWED_DAYS * 86_400_000 < about.until_ms);
    let kept = if good { read("certificate.pem").zip(read("key.pem")) } else { None };
    if let Some(config) = kept.and_then(|(certificate, key)| server(&certificate, &key).ok()) {
        return Ok(config);
    }
    let until_ms = wall_ms + DAYS * 86_400_000;
    let (certificate, key) = make(&names, wall_ms, until_ms)?;
    let about = serde_json::to_string(&About { names, until_ms }).expect("names are texts");
    for (name, text) in [("key.pem", &key), ("certificate.pem", &certificate), ("about.json", &about)] {
        write_private(&folder.join(name), text.as_bytes()).map_err(failed)?;
    }
    server(&certificate, &key)
}

fn make(names: &BTreeSet<String>, from_ms: i64, until_ms: i64) -> Result<(String, String), TlsError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.subject_alt_names = names
        .iter()
        .take(NAMES_MAX)
        .map(|name| match name.parse::<IpAddr>() {
            Ok(address) => Ok(SanType::IpAddress(address)),
            Err(_) => Ok(SanType::DnsName(name.as_str().try_into()?)),
        })
        .collect::<Result<_, rcgen::Error>>()?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Bandstand");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A day back: clocks of phones differ from ours.
    (params.not_before, params.not_after) = (day(from_ms - 86_400_000), day(until_ms));
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn day(wall_ms: i64) -> time::OffsetDateTime {
    let at = jiff::Timestamp::from_millisecond(wall_ms).unwrap_or_default();
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    date_time_ymd(i32::from(date.year()), date.month() as u8, date.day() as u8)
}

fn server(certificate: &str, key: &str) -> Result<Arc<ServerConfig>, TlsError> {
    let unreadable = |error: rustls::pki_types::pem::Error| rustls::Error::General(error.to_string());
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(unreadable)?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain.map_err(unreadable)?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Every name and address of this machine. `proc` is `/proc` but in tests.
pub fn names(proc: &Path) -> BTreeSet<String> {
    let read = |path: &str| std::fs::read_to_string(proc.join(path)).unwrap_or_default();
    let mut names: BTreeSet<String> = ["localhost", "bandstand.local", "127.0.0.1", "::1"].map(str::to_owned).into();
    let host = read("sys/kernel/hostname").trim().to_lowercase();
    let sound =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    if sound(&host) {
        names.insert(host.clone());
        if !host.contains('.') {
            names.insert(format!("{host}.local"));
        }
    }
    names.extend(ipv4(&read("net/fib_trie")).iter().map(ToString::to_string));
    names.extend(ipv6(&read("net/if_inet6")).iter().map(ToString::to_string));
    names
}

/// Those of the names by which other machines may reach this one: names before addresses.
pub fn reachable(names: &BTreeSet<String>) -> impl Iterator<Item = String> {
    let (mut addresses, mut words) = (Vec::new(), Vec::new());
    for name in names.iter().filter(|name| *name != "localhost" && *name != "bandstand.local") {
        match name.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => {}
            Ok(IpAddr::V6(address)) => addresses.push(format!("[{address}]")),
            Ok(address) => addresses.push(address.to_string()),
            Err(_) if name.ends_with(".local") => words.push(name.clone()),
            Err(_) => {}
        }
    }
    if words.is_empty() && addresses.is_empty() {
        words.push("bandstand.local".into());
    }
    words.into_iter().chain(addresses)
}

/// Our own addresses in the kernel's routing tree: those with a line "/32 host LOCAL" below them.
pub(crate) fn ipv4(trie: &str) -> BTreeSet<Ipv4Addr> {
    let mut last: Option<Ipv4Addr> = None;
    let mut found = BTreeSet::new();
    for line in trie.lines() {
        if let Some(address) = line.trim().strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line.contains("/32 host LOCAL") {
            found.extend(last);
        }
    }
    found
}

/// Our own addresses of IPv6, without those that hold on one link only: browsers cannot name them.
fn ipv6(table: &str) -> BTreeSet<Ipv6Addr> {
    let address = |line: &str| Some(Ipv6Addr::from(u128::from_str_radix(line.split(' ').next()?, 16).ok()?));
    table.lines().filter_map(address).filter(|address| !address.is_unicast_link_local()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_certificate_is_kept_until_it_does_not_do_any_more() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let made = || std::fs::read_to_string(folder.path().join("certificate.pem")).unwrap();
        config(folder.path(), set(&["box", "192.0.2.1"]), NOW_MS).unwrap();
        let first = made();
        config(folder.path(), set(&["box"]), NOW_MS + 86_400_000).unwrap();
        assert_eq!(made(), first, "it has every name still");
        config(folder.path(), set(&["box", "192.0.2.2"]), NOW_MS).unwrap();
        let second = made();
        assert_ne!(second, first, "a name was missing");
        config(folder.path(), set(&["box"]), NOW_MS + (DAYS - 1) * 86_400_000).unwrap();
        assert_ne!(made(), second, "its time was over");
        std::fs::write(folder.path().join("key.pem"), "damaged").unwrap();
        config(folder.path(), set(&["box"]), NOW_MS + (DAYS - 1) * 86_400_000).unwrap();
    }

    #[test]
    fn the_machines_names_and_addresses() {
        let proc = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(proc.path().join("sys/kernel")).unwrap();
        std::fs::create_dir_all(proc.path().join("net")).unwrap();
        std::fs::write(proc.path().join("sys/kernel/hostname"), "Stage-Left\n").unwrap();
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 192.0.2.7\n        \
                    /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        std::fs::write(proc.path().join("net/fib_trie"), trie).unwrap();
        let inet6 =
            "20010db8000000000000000000000005 02 40 00 80 eth0\nfe800000000000000000000000000001 02 40 20 80 eth0\n";
        std::fs::write(proc.path().join("net/if_inet6"), inet6).unwrap();
        let expected = ["localhost", "bandstand.local", "127.0.0.1", "::1", "stage-left", "stage-left.local"];
        let mut expected = set(&expected);
        expected.extend(set(&["192.0.2.7", "2001:db8::5"]));
        assert_eq!(names(proc.path()), expected);
        let reached: Vec<String> = reachable(&expected).collect();
        assert_eq!(reached, ["stage-left.local", "192.0.2.7", "[2001:db8::5]"]);
    }
}
