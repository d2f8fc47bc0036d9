//! Where a bucket is, and with which key it is asked.

use std::fmt;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use reqwest::Url;

/// The region of stores that have none.
const REGION: &str = "us-east-1";
/// Letters of a bucket's name, and of what the names of all objects begin with, at most.
const MOST_NAME: usize = 255;
const MOST_PREFIX: usize = 512;

/// Where what is put away is kept, beside this machine's disk.
#[derive(Clone)]
pub struct BucketAt {
    /// The address of the store.
    pub(super) endpoint: Url,
    /// Its name for the part of the world where the bucket is.
    pub(super) region: String,
    /// The bucket.
    pub(super) bucket: String,
    /// What the names of all objects begin with; without a `/` at either end.
    pub(super) prefix: String,
    /// The key's name and its secret; None: the store is asked without.
    pub(super) key: Option<(String, String)>,
    /// What goes with a key that is given for a while.
    pub(super) token: Option<String>,
}

impl fmt::Debug for BucketAt {
    // A key is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for BucketAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.address(), self.endpoint())
    }
}

impl BucketAt {
    /// The bucket `s3://BUCKET/PREFIX` of the store that the standard variables name. `get` reads one of them.
    ///
    /// # Errors
    /// `Invalid` where one of them cannot be what it is. None of them is told with what is secret in it.
    pub fn from_variables(address: &str, get: impl Fn(&str) -> Option<String>) -> Result<Self, PortError> {
        let (bucket, prefix) = parsed(address)?;
        let get = |name: &str| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")).unwrap_or_else(|| REGION.into());
        if !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return Err(PortError::new(ErrorKind::Invalid, "AWS_REGION names no region"));
        }
        let endpoint = match get("AWS_ENDPOINT_URL_S3").or_else(|| get("AWS_ENDPOINT_URL")) {
            Some(endpoint) => endpoint,
            None => format!("https://s3.{region}.amazonaws.com"),
        };
        let key = match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
            (Some(name), Some(secret)) => Some((name, secret)),
            (None, None) => None,
            (Some(_), None) => return Err(lacks("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
            (None, Some(_)) => return Err(lacks("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
        };
        let token = get("AWS_SESSION_TOKEN").filter(|_| key.is_some());
        Ok(Self { endpoint: checked(&endpoint)?, region, bucket, prefix, key, token })
    }

    /// The bucket as it is written in the settings.
    #[must_use]
    pub fn address(&self) -> String {
        let dash = if self.prefix.is_empty() { "" } else { "/" };
        format!("s3://{}{dash}{}", self.bucket, self.prefix)
    }

    /// The address of the store that has it.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.endpoint.as_str().trim_end_matches('/')
    }
}

fn lacks(what: &str, beside: &str) -> PortError {
    PortError::new(ErrorKind::Invalid, format!("{beside} is set, and {what} is not"))
        .with_hint("set both of them, or neither where the store asks for no key")
}

/// The address of a store. What is wrong with it may be a password, and is not told.
fn checked(endpoint: &str) -> Result<Url, PortError> {
    let wrong = |why: &str| {
        PortError::new(
            ErrorKind::Invalid,
            format!("AWS_ENDPOINT_URL is no address of an object store: {why}"),
        )
        .with_hint("write it as `https://s3.eu-central-1.amazonaws.com` or `http://127.0.0.1:9000`")
    };
    let url: Url = endpoint.parse().map_err(|_| wrong("it cannot be read"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it begins with neither `http://` nor `https://`"));
    }
    if !url.has_host() {
        return Err(wrong("it names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "it holds a user or a password; keys are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("there is something behind its path"));
    }
    Ok(url)
}

/// Whether this names a bucket, as in `s3://BUCKET/PREFIX`.
///
/// # Errors
/// `Invalid` where it does not, and why.
pub fn check_bucket(address: &str) -> Result<(), PortError> {
    parsed(address).map(drop)
}

/// The bucket and the prefix of an address.
fn parsed(address: &str) -> Result<(String, String), PortError> {
    let wrong = |why: String| {
        PortError::new(ErrorKind::Invalid, why).with_hint("write it as `s3://BUCKET` or `s3://BUCKET/PREFIX`")
    };
    let rest = address.trim().strip_prefix("s3://");
    let rest = rest.ok_or_else(|| wrong("it does not begin with `s3://`".to_owned()))?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_name = bucket.len() <= MOST_NAME && bucket.bytes().all(is_letter);
    if !is_name || !bucket.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err(wrong(format!("`{}` is no name of a bucket", bucket.escape_default())));
    }
    // Segments such as `..` would be resolved before they are sent.
    let is_segment = |part: &str| {
        !part.is_empty()
            && !part.bytes().all(|byte| byte == b'.')
            && part.bytes().all(|byte| is_letter(byte) || b"=@+".contains(&byte))
    };
    if prefix.len() > MOST_PREFIX || (!prefix.is_empty() && !prefix.split('/').all(is_segment)) {
        return Err(wrong(format!("`{}` is no prefix of names", prefix.escape_default())));
    }
    Ok((bucket.to_owned(), prefix.to_owned()))
}
