"""What RFC 5280 asks of a CA's certificates and CRLs, by two parsers that share nothing with ours: `cryptography` and
`asn1crypto`. Prints what is wrong, a line each."""
import sys
from asn1crypto import crl as asn1_crl, pem as asn1_pem, x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID as E

PROBLEMS = []


def check(ok, file, what):
    if not ok:
        PROBLEMS.append(f"{file}: {what}")


def extension(thing, kind):
    try:
        return thing.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def certificate(file, der, ca):
    cert, plain = x509.load_der_x509_certificate(der), asn1_x509.Certificate.load(der, strict=True)
    # DER is unique: what another encoder makes of it has to be the same.
    check(plain.copy().dump(force=True) == der, file, "not the DER that asn1crypto writes")
    check(cert.version == x509.Version.v3, file, "4.1.2.1 version")
    serial = plain["tbs_certificate"]["serial_number"]
    check(0 < cert.serial_number < 2**128 and len(serial.contents) <= 20, file, "4.1.2.2 serial number")
    check(cert.serial_number.bit_length() > 64, file, "a serial number with too little randomness")
    check(plain["signature_algorithm"].dump() == plain["tbs_certificate"]["signature"].dump(), file, "4.1.2.3 algorithms")
    check(len(list(cert.issuer)) > 0, file, "4.1.2.4 issuer")
    for part in cert.subject:
        check(part.value.strip() != "", file, "an empty part of the name")
    for name, at in (("not_before", cert.not_valid_before_utc), ("not_after", cert.not_valid_after_utc)):
        tag = plain["tbs_certificate"]["validity"][name].name
        check(tag == ("utc_time" if at.year < 2050 else "general_time"), file, f"4.1.2.5 {name}")
        check(at.microsecond == 0, file, f"4.1.2.5 fractions in {name}")
    own, issuer = extension(cert, x509.SubjectKeyIdentifier), extension(cert, x509.AuthorityKeyIdentifier)
    self_issued = cert.issuer == cert.subject
    check(self_issued or issuer is not None, file, "4.2.1.1 authority key identifier")
    check(issuer is None or not issuer.critical, file, "4.2.1.1 critical")
    check(own is not None and not own.critical, file, "4.2.1.2 subject key identifier")
    if issuer is not None and ca is not None:
        above = extension(ca, x509.SubjectKeyIdentifier)
        check(issuer.value.key_identifier == above.value.digest, file, "4.2.1.1 is not the issuer's key identifier")
    constraints, usage = extension(cert, x509.BasicConstraints), extension(cert, x509.KeyUsage)
    check(usage is not None and usage.critical, file, "4.2.1.3 key usage")
    check(constraints is not None and constraints.critical, file, "4.2.1.9 basic constraints")
    check(usage.value.key_cert_sign == constraints.value.ca, file, "4.2.1.3 keyCertSign and cA differ")
    if isinstance(cert.public_key(), ec.EllipticCurvePublicKey):
        check(not usage.value.key_encipherment, file, "RFC 8813 key encipherment with ECDSA")
    if isinstance(cert.public_key(), rsa.RSAPublicKey):
        check(cert.public_key().key_size >= 2048 and cert.public_key().public_numbers().e == 65537, file, "RSA key")
    names = extension(cert, x509.SubjectAlternativeName)
    if names is not None:
        check(len(list(names.value)) > 0, file, "4.2.1.6 no names")
        check(names.critical == (len(list(cert.subject)) == 0), file, "4.2.1.6 critical")
        for name in names.value:
            check(name.value != "", file, "4.2.1.6 an empty name")
    else:
        check(len(list(cert.subject)) > 0, file, "4.1.2.6 neither subject nor names")
    oids = [one.oid for one in cert.extensions]
    check(len(oids) == len(set(oids)), file, "4.2 an extension twice")
    if ca is not None:
        cert.verify_directly_issued_by(ca)
    return cert


def crl(file, der, ca):
    found, plain = x509.load_der_x509_crl(der), asn1_crl.CertificateList.load(der, strict=True)
    check(plain.copy().dump(force=True) == der, file, "not the DER that asn1crypto writes")
    listed = plain["tbs_cert_list"]
    check(listed["version"].native == "v2", file, "5.1.2.1 version")
    check(found.is_signature_valid(ca.public_key()), file, "the signature")
    check(found.issuer == ca.subject, file, "5.1.2.3 issuer")
    check(found.next_update_utc > found.last_update_utc, file, "5.1.2.5 next update")
    check(len(found) > 0 or listed["revoked_certificates"].native is None, file, "5.1.2.6 an empty list is absent")
    number, issuer = extension(found, x509.CRLNumber), extension(found, x509.AuthorityKeyIdentifier)
    check(number is not None and not number.critical and number.value.crl_number > 0, file, "5.2.3 CRL number")
    own = extension(ca, x509.SubjectKeyIdentifier)
    check(issuer is not None and issuer.value.key_identifier == own.value.digest, file, "5.2.1 authority key identifier")
    for entry in found:
        check(entry.serial_number > 0, file, "5.3 serial number")
        for one in entry.extensions:
            check(one.oid != x509.oid.CRLEntryExtensionOID.CRL_REASON or one.value.reason != x509.ReasonFlags.unspecified,
                  file, "5.3.1 unspecified is left out")


def read(path):
    data = open(path, "rb").read()
    return asn1_pem.unarmor(data)[2] if asn1_pem.detect(data) else data


ca = certificate(sys.argv[1], read(sys.argv[1]), None)
for path in sys.argv[2:]:
    (crl if path.endswith(".crl") else certificate)(path, read(path), ca)
print("\n".join(PROBLEMS))
