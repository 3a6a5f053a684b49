//! Where an upstream is and what opens it. A credential is bound to one origin and cannot be had for any other.

use std::net::IpAddr;
use std::str::FromStr;

use comity_vocab::{Plain, Surface};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use crate::limits::Timeouts;

/// A network address or a model in this process.
pub struct Upstream {
    /// Its name in the configuration, for logs and metrics.
    pub name: String,
    /// How it is reached.
    pub transport: Transport,
    /// How long it may take.
    pub timeouts: Timeouts,
}

/// How an upstream is reached.
pub enum Transport {
    /// HTTP with the OpenAI dialect.
    Http {
        /// Where.
        base: BaseUrl,
        /// What opens it; nothing for a server that asks for nothing.
        credential: Option<Credential>,
    },
    /// The model in this process.
    #[cfg(feature = "local-model")]
    Local(crate::local::LocalModel),
}

/// An address or credential that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpstream {
    /// Not an absolute address.
    #[error("`{0}` is not an address: write for example `https://api.example.org/v1`")]
    NotAnAddress(String),
    /// Neither http nor https.
    #[error("`{0}` has the scheme `{1}`: only https, and http on trusted networks, can be called")]
    Scheme(String, String),
    /// Name and password in the address.
    #[error("the address for `{0}` carries a name or password: put the credential in an environment variable or a file")]
    UserInfo(String),
    /// A query or fragment.
    #[error("`{0}` has a query: an address ends with its path")]
    Query(String),
    /// A credential that cannot stand in a header. The credential itself is never repeated.
    #[error("the credential for `{0}` has characters that cannot stand in a header: is it cut, or does it have a line break inside?")]
    Credential(String),
}

/// `https://host[:port]/path`, without query. Calls go below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    path: String,
}

/// A secret that opens one origin. It has no text form.
#[derive(Clone)]
pub struct Credential {
    header: HeaderValue,
    scheme: Scheme,
    authority: Authority,
}

// === impl BaseUrl ===

impl FromStr for BaseUrl {
    type Err = InvalidUpstream;

    fn from_str(text: &str) -> Result<Self, InvalidUpstream> {
        let not_an_address = || InvalidUpstream::NotAnAddress(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| not_an_address())?;
        let scheme = uri.scheme().ok_or_else(not_an_address)?.clone();
        let authority = uri.authority().ok_or_else(not_an_address)?.clone();
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(InvalidUpstream::Scheme(text.to_owned(), scheme.to_string()));
        }
        if authority.as_str().contains('@') {
            return Err(InvalidUpstream::UserInfo(authority.host().to_owned()));
        }
        if uri.query().is_some() {
            return Err(InvalidUpstream::Query(text.to_owned()));
        }
        Ok(Self { scheme, authority, path: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl BaseUrl {
    /// The address of one API.
    pub(crate) fn uri(&self, surface: Surface) -> Result<Uri, http::Error> {
        let path = match surface {
            Surface::Chat => "chat/completions",
            Surface::Embeddings => "embeddings",
        };
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(format!("{}/{path}", self.path))?);
        Ok(Uri::from_parts(parts)?)
    }

    /// The host, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// Whether nothing on the way can be read.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether the address is this machine by its text; names are not looked up.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

// === impl Credential ===

impl Credential {
    /// Binds `secret`, sent as a bearer token, to the origin of `base`: scheme, host and port.
    ///
    /// # Errors
    /// When the secret cannot stand in a header.
    pub fn bind(secret: &Plain<String>, base: &BaseUrl) -> Result<Self, InvalidUpstream> {
        let text = secret.expose().trim();
        let invalid = || InvalidUpstream::Credential(base.host().to_owned());
        if text.is_empty() {
            return Err(invalid());
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| invalid())?;
        header.set_sensitive(true);
        Ok(Self { header, scheme: base.scheme.clone(), authority: base.authority.clone() })
    }

    /// INVARIANT: the secret, only for the origin that it is bound to.
    pub(crate) fn for_uri(&self, uri: &Uri) -> Option<&HeaderValue> {
        let bound = uri.scheme() == Some(&self.scheme) && uri.authority() == Some(&self.authority);
        bound.then_some(&self.header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn calls_go_below_the_address() {
        for text in ["https://api.example.org/v1", "https://api.example.org/v1/"] {
            assert_eq!(base(text).uri(Surface::Chat).unwrap(), "https://api.example.org/v1/chat/completions");
        }
        assert_eq!(base("http://[::1]:8080").uri(Surface::Embeddings).unwrap(), "http://[::1]:8080/embeddings");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "api.example.org", "/v1", "ftp://example.org", "https://me:pw@example.org", "https://example.org/?a=b"] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
        let error = "https://me:pw@example.org".parse::<BaseUrl>().unwrap_err();
        assert!(!error.to_string().contains("pw"), "{error}");
    }

    #[test]
    fn loopback_is_read_from_the_text() {
        for here in ["http://localhost:1", "http://127.0.0.9", "http://[::1]/v1"] {
            assert!(base(here).is_loopback(), "{here}");
        }
        for elsewhere in ["http://localhost.example.org", "http://10.0.0.1", "http://127.0.0.1.example.org"] {
            assert!(!base(elsewhere).is_loopback(), "{elsewhere}");
        }
    }

    #[test]
    fn a_credential_is_for_one_origin() {
        let credential = Credential::bind(&Plain::new("secret\n".to_owned()), &base("https://api.example.org/v1")).unwrap();
        let given = |text: &str| credential.for_uri(&text.parse().unwrap()).is_some();
        assert!(given("https://api.example.org/v1/chat/completions"));
        assert!(given("https://API.example.org/other"));
        for elsewhere in ["http://api.example.org/v1", "https://api.example.org:8443/v1", "https://api.example.org.evil.net/", "/v1"] {
            assert!(!given(elsewhere), "{elsewhere}");
        }
        assert!(Credential::bind(&Plain::new("a\nb".to_owned()), &base("https://x.org")).is_err());
        assert!(Credential::bind(&Plain::new("  ".to_owned()), &base("https://x.org")).is_err());
    }
}
