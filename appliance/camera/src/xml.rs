//! XML of cameras (XML 1.0, Namespaces in XML): read by local names, since cameras disagree about the rest. No DTD and
//! so no entities of its own; a bounded number of elements.

use crate::CameraError;
use roxmltree::{Document, Node, ParsingOptions};
use std::borrow::Cow;

/// Elements, attributes and texts of one document: the largest profile lists have some thousands.
const NODES_MAX: u32 = 100_000;
/// Prefixes that a camera may have forgotten to declare.
const PREFIXES_MAX: usize = 8;
/// Longest name or text that is taken out of an answer, characters.
pub(crate) const TEXT_CHARS_MAX: usize = 200;

/// Parses a document.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, CameraError> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    Document::parse_with_options(trimmed(text), options).map_err(|error| CameraError::NotUnderstood(error.to_string()))
}

/// The text with every prefix declared. Some cameras forget to declare one; since names count without their prefixes,
/// whatever it stands for will do.
pub(crate) fn declared(text: Cow<'_, str>) -> Cow<'_, str> {
    let mut text = text;
    for _ in 0..PREFIXES_MAX {
        let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
        let missing = match Document::parse_with_options(trimmed(&text), options) {
            Err(roxmltree::Error::UnknownNamespace(prefix, _)) => prefix,
            _ => break,
        };
        // The end of the root element's name: the first that begins with a letter, and so is no declaration or comment.
        let root = text.as_bytes().windows(2).position(|pair| pair[0] == b'<' && pair[1].is_ascii_alphabetic());
        let end = root.and_then(|root| {
            let name = text[root..].find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/');
            name.map(|name| root + name)
        });
        let Some(end) = end else { break };
        text = format!("{} xmlns:{missing}=\"urn:undeclared\"{}", &text[..end], &text[end..]).into();
    }
    text
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim_start()
}

/// Every element of this local name below `node`, at any depth, in order.
pub(crate) fn all<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
    node.descendants().filter(move |inner| inner.is_element() && inner.tag_name().name() == name)
}

/// The first of [`all`].
pub(crate) fn first<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> Option<Node<'a, 'i>> {
    all(node, name).next()
}

/// The text of the first element of this name below `node`, without blanks around it; none where it is empty.
pub(crate) fn text<'a>(node: Node<'a, '_>, name: &'static str) -> Option<&'a str> {
    first(node, name)?.text().map(str::trim).filter(|text| !text.is_empty())
}

/// A number in the first element of this name below `node`.
pub(crate) fn number<T: std::str::FromStr>(node: Node<'_, '_>, name: &'static str) -> Option<T> {
    text(node, name)?.parse().ok()
}

/// A text as content of an element or an attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // XML 1.0 cannot say these at all, not even escaped.
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_whatever_their_prefix() {
        let text = "<?xml version=\"1.0\"?><s:E xmlns:s=\"urn:s\"><s:Body><Width> 640 </Width></s:Body></s:E>";
        let document = parse(text).unwrap();
        assert_eq!(number::<u32>(document.root(), "Width"), Some(640));
        assert_eq!(super::text(document.root(), "Body"), None);
    }

    #[test]
    fn a_prefix_that_a_camera_forgot_is_declared() {
        let text = "<?xml version=\"1.0\"?><!-- x --><E xmlns=\"urn:e\"><p:A>1</p:A><q:B r:c=\"2\"/></E>";
        assert!(parse(text).is_err());
        let mended = declared(text.into());
        assert_eq!(super::text(parse(&mended).unwrap().root(), "A"), Some("1"));
        let many: String = (0..20).map(|n| format!("<p{n}:a/>")).collect();
        for hopeless in ["", "<", "<p:", "p:a", &format!("<E>{many}</E>")] {
            assert!(parse(&declared(hopeless.into())).is_err(), "{hopeless}");
        }
    }

    #[test]
    fn what_is_meant_to_hurt_is_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bb\">]><a>&b;</a>";
        let outside = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>";
        let many = format!("<a>{}</a>", "<b/>".repeat(NODES_MAX as usize));
        let deep = "<a>".repeat(200_000);
        for text in [bomb, outside, &many, &deep, "", "<a>", "<a><b></a></b>", "GIF89a", "<a>&b;</a>"] {
            assert!(parse(text).is_err(), "{}", &text[..text.len().min(60)]);
        }
        let deep = format!("{}{}", "<a>".repeat(40_000), "</a>".repeat(40_000));
        if let Ok(document) = parse(&deep) {
            assert_eq!(all(document.root(), "a").count(), 40_000);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_text_comes_back(given in "\\PC{0,60}") {
            let text = format!("<a b=\"{0}\">{0}</a>", escape(&given));
            let document = parse(&text).unwrap();
            proptest::prop_assert_eq!(document.root_element().attribute("b"), Some(given.as_str()));
            proptest::prop_assert_eq!(document.root_element().text().unwrap_or_default(), given);
        }
    }
}
