//! AMF0: Adobe's *Action Message Format, AMF 0*, as far as commands and metadata need it.
//!
//! The reading side is our own because a command arrives from strangers: references are not followed (a few bytes of them
//! could stand for gigabytes), depth is limited, and memory follows the bytes that came.

/// Deepest nesting. Commands have two.
const DEPTH_MAX: u32 = 8;

/// Why bytes are no AMF0 that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAmf {
    /// The bytes end within a value.
    #[error("the bytes end within a value")]
    Short,
    /// Objects within objects within objects.
    #[error("values are nested more than {DEPTH_MAX} deep")]
    Deep,
    /// A type that commands do not use.
    #[error("a value of type {0}")]
    Type(u8),
}

/// A value of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A text; bytes that are no UTF-8 are replaced.
    Text(String),
    /// Names and values, in their order: an object or an associative array.
    Object(Vec<(String, Value)>),
    /// Anything else, which no command needs.
    Other,
}

impl Value {
    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, where it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A field of an object.
    pub fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// Every value of a message.
pub fn values(mut bytes: &[u8]) -> Result<Vec<Value>, BadAmf> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        values.push(value(&mut bytes, 0)?);
    }
    Ok(values)
}

/// The text at the beginning of a message, and the bytes behind it.
pub fn leading_text(mut bytes: &[u8]) -> Result<(String, &[u8]), BadAmf> {
    match value(&mut bytes, DEPTH_MAX)? {
        Value::Text(text) => Ok((text, bytes)),
        _ => Err(BadAmf::Type(0)),
    }
}

fn value(bytes: &mut &[u8], depth: u32) -> Result<Value, BadAmf> {
    if depth > DEPTH_MAX {
        return Err(BadAmf::Deep);
    }
    let marker = take(bytes, 1)?[0];
    Ok(match marker {
        0 => Value::Number(f64::from_be_bytes(*take(bytes, 8)?.first_chunk().ok_or(BadAmf::Short)?)),
        1 => skip(bytes, 1)?,
        2 => Value::Text(text(bytes)?),
        3 => Value::Object(fields(bytes, depth)?),
        5 | 6 | 13 => Value::Other,
        7 => skip(bytes, 2)?,
        8 => {
            // The count is a hint that encoders do not keep.
            take(bytes, 4)?;
            Value::Object(fields(bytes, depth)?)
        }
        10 => {
            for _ in 0..length(bytes)? {
                value(bytes, depth + 1)?;
            }
            Value::Other
        }
        11 => skip(bytes, 10)?,
        12 | 15 => {
            let length = length(bytes)?;
            Value::Text(String::from_utf8_lossy(take(bytes, length)?).into_owned())
        }
        other => return Err(BadAmf::Type(other)),
    })
}

fn fields(bytes: &mut &[u8], depth: u32) -> Result<Vec<(String, Value)>, BadAmf> {
    const END: u8 = 9;
    let mut fields = Vec::new();
    // Some encoders leave the end away where the message ends.
    while !bytes.is_empty() {
        let name = text(bytes)?;
        if name.is_empty() && bytes.first().is_none_or(|marker| *marker == END) {
            *bytes = bytes.get(1..).unwrap_or_default();
            break;
        }
        fields.push((name, value(bytes, depth + 1)?));
    }
    Ok(fields)
}

fn text(bytes: &mut &[u8]) -> Result<String, BadAmf> {
    let length = take(bytes, 2)?;
    let length = u16::from_be_bytes([length[0], length[1]]);
    Ok(String::from_utf8_lossy(take(bytes, usize::from(length))?).into_owned())
}

fn length(bytes: &mut &[u8]) -> Result<usize, BadAmf> {
    let four = take(bytes, 4)?.first_chunk().ok_or(BadAmf::Short)?;
    Ok(u32::from_be_bytes(*four) as usize)
}

fn skip(bytes: &mut &[u8], n: usize) -> Result<Value, BadAmf> {
    take(bytes, n)?;
    Ok(Value::Other)
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Result<&'a [u8], BadAmf> {
    let (head, rest) = bytes.split_at_checked(n).ok_or(BadAmf::Short)?;
    *bytes = rest;
    Ok(head)
}

/// One value of an object that we write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    /// A number.
    Number(f64),
    /// Yes or no.
    Bool(bool),
    /// A text of up to 65,535 bytes.
    Text(&'a str),
}

/// Puts the values of a message one after the other.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A text; what is beyond 65,535 bytes is cut off.
    pub fn text(mut self, text: &str) -> Writer {
        self.bytes.push(2);
        self.short(text);
        self
    }

    /// A number.
    pub fn number(mut self, number: f64) -> Writer {
        self.bytes.push(0);
        self.bytes.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Nothing.
    pub fn null(mut self) -> Writer {
        self.bytes.push(5);
        self
    }

    /// An object.
    pub fn object(mut self, fields: &[(&str, Field)]) -> Writer {
        self.bytes.push(3);
        self.fields(fields)
    }

    /// An associative array, as metadata is.
    pub fn array(mut self, fields: &[(&str, Field)]) -> Writer {
        self.bytes.push(8);
        self.bytes.extend_from_slice(&(fields.len() as u32).to_be_bytes());
        self.fields(fields)
    }

    /// The bytes of the message.
    pub fn done(self) -> Vec<u8> {
        self.bytes
    }

    fn fields(mut self, fields: &[(&str, Field)]) -> Writer {
        for (name, value) in fields {
            self.short(name);
            self = match value {
                Field::Number(number) => self.number(*number),
                Field::Bool(yes) => {
                    self.bytes.extend_from_slice(&[1, u8::from(*yes)]);
                    self
                }
                Field::Text(text) => self.text(text),
            };
        }
        self.bytes.extend_from_slice(&[0, 0, 9]);
        self
    }

    fn short(&mut self, text: &str) {
        let text = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
        self.bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtmp_rs::amf::{Amf0Encoder, AmfValue};

    #[test]
    fn values_of_a_connect() {
        let mut encoder = Amf0Encoder::new();
        encoder.encode(&AmfValue::String("connect".into()));
        encoder.encode(&AmfValue::Number(1.0));
        let inner = AmfValue::Array(vec![AmfValue::String("hvc1".into()), AmfValue::Null]);
        let object = [("app", AmfValue::String("live".into())), ("list", inner), ("fpad", AmfValue::Boolean(false))];
        encoder.encode(&AmfValue::Object(object.map(|(k, v)| (k.to_owned(), v)).into()));
        let bytes = encoder.finish();
        let values = values(&bytes).unwrap();
        assert_eq!(values[0].text(), Some("connect"));
        assert_eq!(values[1].number(), Some(1.0));
        assert_eq!(values[2].field("app").and_then(Value::text), Some("live"));
        assert_eq!(values[2].field("tcUrl"), None);
        assert_eq!(leading_text(&bytes).unwrap().0, "connect");
    }

    #[test]
    fn what_is_written_is_read_by_us_and_by_another() {
        let fields = [("app", Field::Text("live/a?b=c&d")), ("fpad", Field::Bool(false)), ("n", Field::Number(-1.5))];
        let bytes = Writer::default().text("connect").number(1.0).null().object(&fields).array(&fields).done();
        let ours = values(&bytes).unwrap();
        assert_eq!((ours.len(), ours[0].text(), &ours[2]), (5, Some("connect"), &Value::Other));
        for object in &ours[3..] {
            assert_eq!(object.field("app").and_then(Value::text), Some("live/a?b=c&d"));
            assert_eq!(object.field("n").and_then(Value::number), Some(-1.5));
        }
        let theirs = rtmp_rs::amf::Amf0Decoder::new().decode_all(&mut bytes.into()).unwrap();
        assert_eq!(theirs.len(), 5);
        assert_eq!(theirs[3].get("fpad").and_then(|v| v.as_bool()), Some(false));
        assert_eq!(theirs[4].get("app").and_then(|v| v.as_str()), Some("live/a?b=c&d"));
    }

    #[test]
    fn hostile_ones_are_refused_and_cheap() {
        let nested: Vec<u8> = [10, 0, 0, 0, 1].repeat(100);
        assert_eq!(values(&nested), Err(BadAmf::Deep));
        assert_eq!(values(&[10, 0xFF, 0xFF, 0xFF, 0xFF, 5]), Err(BadAmf::Short));
        assert_eq!(values(&[12, 0xFF, 0xFF, 0xFF, 0xFF, 5]), Err(BadAmf::Short));
        assert_eq!(values(&[7, 0, 0]), Ok(vec![Value::Other]));
        assert_eq!(values(&[17, 0]), Err(BadAmf::Type(17)));
        assert_eq!(values(&[3, 0, 1, b'a', 5]), Ok(vec![Value::Object(vec![("a".into(), Value::Other)])]));
        assert!(leading_text(&[3, 0, 0, 9]).is_err());
        assert!(leading_text(&[]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = values(&bytes);
            let _ = leading_text(&bytes);
        }
    }
}
