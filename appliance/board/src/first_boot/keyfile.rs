//! Connections as NetworkManager's keyfiles (nm-settings-keyfile(5)).

use crate::preseed::imager::Ethernet;
use std::fmt::Write as _;

/// A wireless network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wifi<'a> {
    /// Its name.
    pub ssid: &'a str,
    /// Its password, or the key made of it; none for an open network.
    pub password: Option<&'a str>,
    /// It does not tell its name.
    pub hidden: bool,
    /// How it is kept: `wpa-psk`, `sae` or `owe`; none says it by the password.
    pub management: Option<&'a str>,
}

/// Its file. `autoconnect-retries=0`: a venue's network may come hours after the box.
pub fn wifi(wifi: &Wifi<'_>) -> String {
    let mut text = head("Wi-Fi", "wifi");
    // As bytes: a name may hold anything, and a semicolon would end it.
    let ssid: String = wifi.ssid.bytes().map(|byte| format!("{byte};")).collect();
    let _ = write!(text, "[wifi]\nmode=infrastructure\nssid={ssid}\nhidden={}\n\n", wifi.hidden);
    let management = wifi.management.filter(|given| *given != "none");
    match (management.or(wifi.password.map(|_| "wpa-psk")), wifi.password) {
        (Some(management), Some(password)) => {
            let _ = write!(text, "[wifi-security]\nkey-mgmt={management}\npsk={}\n\n", escaped(password));
        }
        (Some(management), None) => {
            let _ = write!(text, "[wifi-security]\nkey-mgmt={management}\n\n");
        }
        (None, _) => {}
    }
    text + AUTOMATIC
}

/// A cable with an address of its own.
pub fn ethernet(cable: &Ethernet) -> String {
    let mut text = head("Cable", "ethernet");
    let address = cable.address.as_deref().unwrap_or_default();
    let (ours, other) = if address.contains(':') { ("ipv6", "ipv4") } else { ("ipv4", "ipv6") };
    let gateway = cable.gateway.as_deref().map(|gateway| format!(",{}", escaped(gateway))).unwrap_or_default();
    let _ = write!(text, "[{ours}]\nmethod=manual\naddress1={}{gateway}\n", escaped(address));
    if !cable.dns.is_empty() {
        let dns: String = cable.dns.iter().map(|server| escaped(server) + ";").collect();
        let _ = writeln!(text, "dns={dns}");
    }
    let _ = write!(text, "\n[{other}]\nmethod=auto\n");
    text
}

const AUTOMATIC: &str = "[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n";

fn head(id: &str, kind: &str) -> String {
    format!("[connection]\nid={id}\ntype={kind}\nautoconnect=true\nautoconnect-retries=0\n\n")
}

/// A value as GLib's key files have it: nothing of it ends the line or the value.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (at, letter) in value.chars().enumerate() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if at == 0 => out.push_str("\\s"),
            _ => out.push(letter),
        }
    }
    out
}

/// What stands in the place of a connection that was taken over, and spaces up to the length that it had: written over the old
/// text, nothing of that is left. All of it goes: which keys are secret is a matter of NetworkManager's version and of plugins,
/// so that no list of them would surely be whole.
pub fn closed(bytes: usize) -> String {
    const NOTE: &str = "The box has this connection. Its text was taken out of this file, for the secrets in it.\r\n";
    format!("{NOTE:<bytes$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_all_kinds() {
        let check = |ssid, password, hidden, management, expected: &str| {
            let text = wifi(&Wifi { ssid, password, hidden, management });
            let middle = text.split("autoconnect-retries=0\n\n").nth(1).unwrap().split("[ipv4]").next().unwrap();
            assert_eq!(middle, expected);
        };
        check(
            "Hä;",
            Some("correct horse"),
            false,
            None,
            "[wifi]\nmode=infrastructure\nssid=72;195;164;59;\nhidden=false\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=correct horse\n\n",
        );
        check("a", None, true, None, "[wifi]\nmode=infrastructure\nssid=97;\nhidden=true\n\n");
        check("a", None, false, Some("none"), "[wifi]\nmode=infrastructure\nssid=97;\nhidden=false\n\n");
        check(
            "a",
            Some(" a\\b"),
            false,
            Some("sae"),
            "[wifi]\nmode=infrastructure\nssid=97;\nhidden=false\n\n[wifi-security]\nkey-mgmt=sae\npsk=\\sa\\\\b\n\n",
        );
        check(
            "a",
            None,
            false,
            Some("owe"),
            "[wifi]\nmode=infrastructure\nssid=97;\nhidden=false\n\n[wifi-security]\nkey-mgmt=owe\n\n",
        );
    }

    #[test]
    fn a_cable_with_an_address_of_its_own() {
        let cable = |address: &str| Ethernet {
            method: Some("static".into()),
            address: Some(address.into()),
            gateway: Some("192.168.1.1".into()),
            dns: vec!["1.1.1.1".into(), "9.9.9.9".into()],
        };
        let text = ethernet(&cable("192.168.1.50/24"));
        assert!(text.contains("[ipv4]\nmethod=manual\naddress1=192.168.1.50/24,192.168.1.1\ndns=1.1.1.1;9.9.9.9;\n"));
        assert!(text.ends_with("[ipv6]\nmethod=auto\n"));
        assert!(ethernet(&cable("fd00::7/64")).contains("[ipv6]\nmethod=manual\naddress1=fd00::7/64"));
    }

    #[test]
    fn of_a_connection_that_was_taken_over_nothing_is_left() {
        for bytes in [0, 20, 4000] {
            let text = closed(bytes);
            assert!(text.len() >= bytes && text.is_ascii() && closed(text.len()) == text, "{bytes}");
        }
    }
}
