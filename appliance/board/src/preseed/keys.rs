//! The keys of a file: which there are, what type each has, and which are secret.

use super::{About, BYTES_MAX, Note, Refusal};
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A text that is taken out after its use.
    Secret,
    /// True or false.
    Flag,
    /// A list of texts.
    Texts,
    /// Whatever it is, it is not used; with all that is below it.
    Unused,
    /// The same, and it is taken out.
    UnusedSecret,
}

/// All keys of a file by their path: `wifi.ssid`, and `channels[].name` where `[[channels]]` may come again and again.
#[derive(Clone, Copy, Debug)]
pub struct Keys(pub &'static [(&'static str, Kind)]);

/// What was found on a walk through a file.
#[derive(Default)]
struct Found {
    notes: Vec<Note>,
    /// Each with its path as [`Keys`] has it.
    secrets: Vec<(String, Range<usize>)>,
    wrong: Option<Refusal>,
    /// Where each key stands, by its path with places in lists, such as `channels[0].name`.
    places: Vec<(String, usize)>,
}

/// A file that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read<T> {
    /// What it says.
    pub value: T,
    /// What there is to tell, in the order of its lines.
    pub notes: Vec<Note>,
    places: Vec<(String, usize)>,
}

impl<T> Read<T> {
    /// A refusal of a key's value, with the line where it stands. Places in lists count from 0: `channels[0].name`.
    pub fn refuse(&self, key: &str, what: &str) -> Refusal {
        let line = self.places.iter().find(|(path, _)| path == key).map_or(1, |(_, line)| *line);
        Refusal { line, what: format!("`{key}`: {what}") }
    }
}

impl Keys {
    /// Reads a file. Every value has the type that its key says before serde sees it, so that serde's own errors, which
    /// repeat values, are left with what is missing.
    pub fn read<T: DeserializeOwned>(self, text: &str) -> Result<Read<T>, Refusal> {
        let table = parse(text)?;
        let mut found = Found::default();
        self.walk(text, "", "", table.get_ref(), false, &mut found);
        if let Some(wrong) = found.wrong {
            return Err(wrong);
        }
        found.notes.sort_by_key(|note| note.line);
        let value = T::deserialize(toml::Deserializer::from(table)).map_err(|cause| Refusal {
            line: line_of(text, cause.span().map_or(0, |span| span.start)),
            what: match cause.message() {
                missing if missing.starts_with("missing field") => missing.to_owned(),
                _ => "a value is of another type than it should be".to_owned(),
            },
        })?;
        Ok(Read { value, notes: found.notes, places: found.places })
    }

    /// The text with `""` for the value of each secret and everything else byte for byte. Done again, nothing changes.
    pub fn without_secrets(self, text: &str) -> Result<String, Refusal> {
        self.replaced(text, &[], |_| "\"\"".to_owned())
    }

    /// The same with spaces behind each `""`, so that every other byte keeps its place: such a text may be written over the old
    /// one, and at any moment of that the file is one of the two for each value. The keys of the paths `keep` stay as they are.
    pub fn blanked(self, text: &str, keep: &[&str]) -> Result<String, Refusal> {
        self.replaced(text, keep, |bytes| format!("\"\"{}", " ".repeat(bytes.saturating_sub(2))))
    }

    /// With what `by` makes of the length of each secret's value in its place.
    fn replaced(self, text: &str, keep: &[&str], by: impl Fn(usize) -> String) -> Result<String, Refusal> {
        let table = parse(text)?;
        let mut found = Found::default();
        self.walk(text, "", "", table.get_ref(), false, &mut found);
        found.secrets.sort_by_key(|(_, span)| span.start);
        let mut open = text.to_owned();
        for (_, span) in found.secrets.into_iter().rev().filter(|(path, _)| !keep.contains(&path.as_str())) {
            let value = by(span.len());
            open.replace_range(span, &value);
        }
        Ok(open)
    }

    fn kind(self, path: &str) -> Option<Kind> {
        self.0.iter().find(|(known, _)| *known == path).map(|(_, kind)| *kind)
    }

    /// Whether there are keys below this path, which ends in `.` or `[].`.
    fn has_below(self, path: &str) -> bool {
        self.0.iter().any(|(known, _)| known.starts_with(path))
    }

    /// `path` is that of the table as [`Keys`] has it, `place` the same with places in lists.
    fn walk(self, text: &str, path: &str, place: &str, table: &DeTable<'_>, unused: bool, found: &mut Found) {
        for (key, value) in table {
            let path = format!("{path}{}", key.get_ref());
            let place = format!("{place}{}", key.get_ref());
            let line = line_of(text, key.span().start);
            found.places.push((place.clone(), line));
            let kind = self.kind(&path);
            if matches!(kind, Some(Kind::Secret | Kind::UnusedSecret)) {
                let mut spans = Vec::new();
                leaves(value, &mut spans);
                found.secrets.extend(spans.into_iter().map(|span| (path.clone(), span)));
            }
            let passed_over = unused || matches!(kind, Some(Kind::Unused | Kind::UnusedSecret));
            if passed_over && !unused {
                found.notes.push(Note { line, key: path.clone(), about: About::Unused });
            }
            let one = self.has_below(&format!("{path}."));
            let many = self.has_below(&format!("{path}[]."));
            let mut wrong = |what: String| {
                if !passed_over && found.wrong.is_none() {
                    found.wrong = Some(Refusal { line, what: format!("`{path}` {what}") });
                }
            };
            match value.get_ref() {
                DeValue::Table(table) if one => {
                    self.walk(text, &format!("{path}."), &format!("{place}."), table, passed_over, found)
                }
                DeValue::Array(list) if many && list.iter().all(|entry| entry.get_ref().is_table()) => {
                    for (index, entry) in list.iter().enumerate() {
                        let (path, place) = (format!("{path}[]."), format!("{place}[{index}]."));
                        if let DeValue::Table(table) = entry.get_ref() {
                            self.walk(text, &path, &place, table, passed_over, found);
                        }
                    }
                }
                _ if one => wrong(format!("is a table: write [{path}] and its keys below")),
                _ if many => wrong(format!("may come more than once: write [[{path}]] and its keys below")),
                value => match (kind, value) {
                    (None, _) if !passed_over => found.notes.push(Note { line, key: path, about: About::Unknown }),
                    (Some(Kind::Text | Kind::Secret), DeValue::String(_)) | (Some(Kind::Flag), DeValue::Boolean(_)) => {
                    }
                    (Some(Kind::Text | Kind::Secret), _) => wrong("is a text: put it in quotes".to_owned()),
                    (Some(Kind::Flag), _) => wrong("is true or false, without quotes".to_owned()),
                    (Some(Kind::Texts), DeValue::Array(list)) if list.iter().all(|entry| entry.get_ref().is_str()) => {}
                    (Some(Kind::Texts), _) => wrong("is a list of texts: [\"one\", \"two\"]".to_owned()),
                    (None | Some(Kind::Unused | Kind::UnusedSecret), _) => {}
                },
            }
        }
    }
}

/// Where the values stand that hold something, below tables and lists too.
fn leaves(value: &Spanned<DeValue<'_>>, into: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => table.values().for_each(|value| leaves(value, into)),
        DeValue::Array(list) => list.iter().for_each(|value| leaves(value, into)),
        _ => into.push(value.span()),
    }
}

/// The parser's words name what it expected, and never what stands there.
fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Refusal> {
    if text.len() > BYTES_MAX {
        return Err(Refusal { line: 1, what: "the file is larger than 64 KiB".to_owned() });
    }
    DeTable::parse(text).map_err(|cause| Refusal {
        line: line_of(text, cause.span().map_or(0, |span| span.start)),
        what: format!("this is not TOML: {}", cause.message().lines().next().unwrap_or_default()),
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEYS: Keys = Keys(&[
        ("wifi.ssid", Kind::Text),
        ("wifi.password", Kind::Secret),
        ("wifi.hidden", Kind::Flag),
        ("wifi.dns", Kind::Texts),
        ("list[].name", Kind::Text),
        ("list[].key", Kind::Secret),
        ("old", Kind::Unused),
        ("old.token", Kind::UnusedSecret),
    ]);

    #[test]
    fn only_the_values_of_secrets_are_taken_out() {
        let check = |text: &str, expected: &str| {
            let open = KEYS.without_secrets(text).unwrap();
            assert_eq!(open, expected);
            let blanked = KEYS.blanked(text, &[]).unwrap();
            let spaceless = |text: &str| text.replace(' ', "");
            assert_eq!(spaceless(&blanked), spaceless(expected), "the same but for spaces");
            assert!(blanked.len() >= text.len(), "{blanked}");
            assert_eq!(KEYS.blanked(&blanked, &[]).unwrap(), blanked, "done again, nothing changes");
            assert_eq!(KEYS.without_secrets(&open).unwrap(), expected, "done again, nothing changes");
        };
        check(
            "# mine\r\n[wifi]\r\nssid='a'\r\n password =  \"hunter22\" # not this\r\n",
            "# mine\r\n[wifi]\r\nssid='a'\r\n password =  \"\" # not this\r\n",
        );
        check("wifi = { password = 'a b', ssid = \"x\" }", "wifi = { password = \"\", ssid = \"x\" }");
        check("wifi.\"password\" = '''\nlong\n'''\n", "wifi.\"password\" = \"\"\n");
        check("wifi.password = 12345678", "wifi.password = \"\"");
        check("wifi.password = [\"a\", 'b']", "wifi.password = [\"\", \"\"]");
        check("[wifi.password]\nis = \"x\"", "[wifi.password]\nis = \"\"");
        check(
            "[[list]]\nkey=\"ä\"\n[[list]]\nkey=\"b\"\nname=\"b\"",
            "[[list]]\nkey=\"\"\n[[list]]\nkey=\"\"\nname=\"b\"",
        );
        check("[old]\ntoken = \"t\"\nmore = \"m\"", "[old]\ntoken = \"\"\nmore = \"m\"");
        check("other = \"hunter22\"", "other = \"hunter22\"");
    }

    #[test]
    fn what_is_refused_is_told_with_its_line_and_without_its_value() {
        let check = |text: &str, expected: &str| {
            let refusal = KEYS.read::<toml::Table>(text).unwrap_err().to_string();
            assert_eq!(refusal, expected);
        };
        check("\n[wifi]\npassword = 12345678", "line 3: `wifi.password` is a text: put it in quotes");
        check("wifi.hidden = \"true\"", "line 1: `wifi.hidden` is true or false, without quotes");
        check("wifi.dns = [1]", "line 1: `wifi.dns` is a list of texts: [\"one\", \"two\"]");
        check("wifi = \"hunter22\"", "line 1: `wifi` is a table: write [wifi] and its keys below");
        check("[list]\nname = \"a\"", "line 1: `list` may come more than once: write [[list]] and its keys below");
        for text in ["\n[wifi]\npassword = hunter22\n", "\nx=1\nwifi.password = \"hunter22\n", "\n\nhunter22 hunter22"]
        {
            let refusal = KEYS.read::<toml::Table>(text).unwrap_err();
            assert!(refusal.line == 3 && !refusal.what.contains("hunter22"), "{refusal}");
        }
        assert!(KEYS.read::<toml::Table>(&"#".repeat(BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn what_is_unknown_is_told_and_passed_over() {
        let text = "[wifi]\nssid = \"a\"\npasswort = \"x\"\n[[list]]\nnaem = \"y\"\n[old]\nany = 1\n[new]\na = 1\n";
        let notes: Vec<String> = KEYS.read::<toml::Table>(text).unwrap().notes.iter().map(Note::to_string).collect();
        assert_eq!(
            notes,
            [
                "line 3: `wifi.passwort` is unknown and was passed over; check its spelling",
                "line 5: `list[].naem` is unknown and was passed over; check its spelling",
                "line 6: `old` has no meaning for Bandstand and was passed over",
                "line 8: `new` is unknown and was passed over; check its spelling",
            ]
        );
    }

    proptest! {
        /// Whatever text a password is, and however it is written, it is gone, and what is around it is not.
        #[test]
        fn a_secret_is_gone_and_its_surroundings_stay(secret in "[ -~\n\u{e4}\u{1f3ac}]{1,40}", before in "[ -~]{0,20}") {
            let written = toml_basic(&secret);
            let (head, tail) = (format!("#{before}\n[wifi]\nssid = \"a\" #{before}\npassword = "), " # end\n[new]\nx = 1\n");
            let open = KEYS.without_secrets(&format!("{head}{written}{tail}")).unwrap();
            prop_assert_eq!(open, format!("{head}\"\"{tail}"));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = KEYS.read::<toml::Table>(&text);
            let _ = KEYS.without_secrets(&text);
        }
    }

    /// A text as a TOML basic string (TOML 1.0.0, "String").
    fn toml_basic(text: &str) -> String {
        let escape = |c: char| match c {
            '"' | '\\' => format!("\\{c}"),
            '\n' => "\\n".to_owned(),
            c => c.to_string(),
        };
        format!("\"{}\"", text.chars().map(escape).collect::<String>())
    }
}
