//! Reading the gateway's metrics and probes.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::process::{Error, Result};

/// A scrape: series by name and labels as they are written, `name{label="value",…}`.
#[derive(Clone, Debug, Default)]
pub(super) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Scrapes the gateway.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn scrape(address: SocketAddr) -> Result<Self> {
        let text = get(address, "/metrics")?;
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Ok(Self(series.collect()))
    }

    /// The sum of the series of `name` whose labels contain each of `labels`, written `label="value"`. (Not `sum()`,
    /// which is -0 for no series.)
    pub(super) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.series(name)
            .filter(|(series, _)| labels.iter().all(|label| series.contains(label)))
            .map(|(_, value)| value)
            .fold(0.0, std::ops::Add::add)
    }

    /// The series of `name`.
    pub(super) fn series<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let of_name = move |series: &str| {
            series.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        self.0
            .iter()
            .filter(move |(series, _)| of_name(series))
            .map(|(series, value)| (series.as_str(), *value))
    }
}

/// The value of a label in a series.
pub(super) fn label<'a>(series: &'a str, name: &str) -> &'a str {
    let value = series.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split_once('"'));
    value.map_or("", |(value, _)| value)
}

/// The body of a successful GET over plain HTTP. The old version of the protocol saves us chunks and lengths: the
/// body ends with the connection.
///
/// # Errors
/// When there is no answer, or another status than 200.
pub(super) fn get(address: SocketAddr, path: &str) -> Result<String> {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let place = format!("http://{address}{path}");
    let answer = ask().map_err(|error: std::io::Error| Error::message(format!("{place}: {error}")))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(Error::message(format!("{place}: {}", head.lines().next().unwrap_or("no answer")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_the_beginning_of_another() {
        let series = [("a_total{x=\"1\"}", 1.0), ("a_total{x=\"2\"}", 2.0), ("a_total_more", 4.0)];
        let metrics = Metrics(series.into_iter().map(|(series, value)| (series.to_owned(), value)).collect());
        assert!((metrics.sum("a_total", &[]) - 3.0).abs() < f64::EPSILON);
        assert!((metrics.sum("a_total", &["x=\"2\""]) - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_label_is_found_by_name() {
        assert_eq!(label("a{action=\"drop\",reason=\"syn_limited\"}", "reason"), "syn_limited");
        assert_eq!(label("a", "reason"), "");
    }
}
