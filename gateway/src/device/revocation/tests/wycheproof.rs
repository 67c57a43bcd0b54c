//! Project Wycheproof's hundreds of ways to encode two integers, only some of which are DER. It has no certificates and no
//! CRLs; its ECDSA signatures are SEQUENCEs of INTEGERs, as CRLs' entries begin.

use wycheproof::ecdsa::{TestName, TestSet};
use wycheproof::{TestResult, ecdsa};

use crate::device::revocation::Serial;
use crate::device::revocation::der::{self, DerError, INTEGER, Reader, SEQUENCE};
use crate::device::tests::der::element;

/// The content of both integers, which must be all that there is.
fn integers(signature: &[u8]) -> Result<[&[u8]; 2], DerError> {
    let mut reader = Reader::new(der::only(signature, SEQUENCE)?.content);
    let integers = [reader.expect(INTEGER)?.content, reader.expect(INTEGER)?.content];
    reader.finish()?;
    Ok(integers)
}

fn tests() -> impl Iterator<Item = ecdsa::Test> {
    let sets =
        [TestName::EcdsaSecp256r1Sha256, TestName::EcdsaSecp384r1Sha384, TestName::EcdsaSecp521r1Sha512];
    sets.into_iter().flat_map(|set| TestSet::load(set).unwrap().test_groups).flat_map(|group| group.tests)
}

#[test]
fn what_is_der_is_read_and_what_is_read_has_one_encoding() {
    let mut refused = 0;
    for test in tests() {
        let Ok([r, s]) = integers(&test.sig) else {
            assert_ne!(test.result, TestResult::Valid, "{}", test.comment);
            refused += 1;
            continue;
        };
        let again = element(SEQUENCE, &[&element(INTEGER, &[r]), &element(INTEGER, &[s])]);
        assert_eq!(again, test.sig.to_vec(), "{}", test.comment);
    }
    assert!(refused > 100, "only {refused} are no DER");
}

/// An integer with zeros in front is no DER, but it is the serial number that it is: a CA that writes one so means the
/// same certificate. One without octets is none.
#[test]
fn zeros_in_front_of_a_serial_number_do_not_count() {
    let of = |comment: &str| {
        let test = tests().find(|test| test.comment == comment).unwrap_or_else(|| panic!("no {comment}"));
        test.sig.to_vec()
    };
    let (r, s) = (of("prepending 0's to r"), of("prepending 0's to s"));
    let ([padded, _], [plain, _]) = (integers(&r).unwrap(), integers(&s).unwrap());
    assert_eq!(padded.first_chunk(), Some(&[0, 0]));
    assert_eq!(Serial::new(padded).unwrap(), Serial::new(plain).unwrap());
    let dropped = of("dropping value of r");
    let [empty, _] = integers(&dropped).unwrap();
    assert!(empty.is_empty() && Serial::new(empty).is_err());
}
