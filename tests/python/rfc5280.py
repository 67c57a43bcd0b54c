"""What RFC 5280 asks of a CA's certificates and CRLs, by two parsers that share nothing with ours: `cryptography` and
`asn1crypto`. Prints what is wrong, a line each."""
import re
import sys
from asn1crypto import crl as asn1_crl, pem as asn1_pem, x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID as E

PROBLEMS = []

# Appendix A: what each attribute of a name may be written as, and how long it may be. What is not in it, is a
# PrintableString or UTF8String (4.1.2.4).
STRINGS = {
    "2.5.4.6": ({"PrintableString"}, 2),
    "2.5.4.5": ({"PrintableString"}, 64),
    "0.9.2342.19200300.100.1.25": ({"IA5String"}, 63),
    "1.2.840.113549.1.9.1": ({"IA5String"}, 255),
    "2.5.4.3": ({"PrintableString", "UTF8String"}, 64),
    "2.5.4.10": ({"PrintableString", "UTF8String"}, 64),
    "2.5.4.11": ({"PrintableString", "UTF8String"}, 64),
    "2.5.4.7": ({"PrintableString", "UTF8String"}, 128),
    "2.5.4.8": ({"PrintableString", "UTF8String"}, 128),
}
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def check(ok, file, what):
    if not ok:
        PROBLEMS.append(f"{file}: {what}")


def extension(thing, kind):
    try:
        return thing.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def strings(file, where, name):
    for part in name.chosen:
        for attribute in part:
            value = attribute["value"]
            value = value.chosen if hasattr(value, "chosen") else value
            kinds, most = STRINGS.get(attribute["type"].dotted, ({"PrintableString", "UTF8String"}, 2**15))
            kind = next((one.__name__ for one in type(value).__mro__ if one.__module__ == "asn1crypto.core"), "")
            check(kind in kinds, file, f"appendix A, {where}: {attribute['type'].native} is a {kind}")
            check(0 < len(value.native) <= most, file, f"appendix A, {where}: {attribute['type'].native} has no such length")
            if kind == "PrintableString":
                check(re.fullmatch(r"[A-Za-z0-9 '()+,\-./:=?]*", value.native), file, f"{where}: not printable")


def when(file, what, value, at):
    """4.1.2.5 and 5.1.2.4: UTCTime through 2049, GeneralizedTime from 2050 on; in seconds, and Zulu."""
    kind = value.chosen if hasattr(value, "chosen") else value
    text = kind.contents.decode()
    check(kind.tag == (23 if at.year < 2050 else 24), file, f"{what} is encoded for another year")
    check(re.fullmatch(r"\d{12}Z" if kind.tag == 23 else r"\d{14}Z", text), file, f"{what}: {text}")


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
        when(file, f"4.1.2.5 {name}", plain["tbs_certificate"]["validity"][name], at)
    check(cert.not_valid_before_utc < cert.not_valid_after_utc, file, "4.1.2.5 ends before it begins")
    for where in ("issuer", "subject"):
        strings(file, where, plain["tbs_certificate"][where])
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
    check(constraints.value.ca or constraints.value.path_length is None, file, "4.2.1.9 a path length without cA")
    # DEFAULT FALSE is not written (X.690, 11.5).
    written = [one["extn_value"].parsed.contents for one in plain["tbs_certificate"]["extensions"]
               if one["extn_id"].native == "basic_constraints"]
    check(constraints.value.ca or written == [b""], file, "4.2.1.9 cA FALSE is written out")
    purposes = extension(cert, x509.ExtendedKeyUsage)
    check(constraints.value.ca or (purposes is not None and not purposes.critical), file, "4.2.1.12 purposes")
    points = extension(cert, x509.CRLDistributionPoints)
    check(points is None or not points.critical, file, "4.2.1.13 critical")
    if ca is not None:
        length = extension(ca, x509.BasicConstraints).value.path_length
        below = constraints.value.path_length
        check(length is None or not constraints.value.ca or (below is not None and below < length), file,
              "4.2.1.9 the path length is not below the issuer's")
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
            if isinstance(name, x509.DNSName):
                labels = name.value.removeprefix("*.").split(".")
                check(len(name.value) <= 253 and all(LABEL.fullmatch(one) for one in labels), file,
                      f"4.2.1.6 dNSName {name.value}")
            if isinstance(name, x509.UniformResourceIdentifier):
                check(re.match(r"[A-Za-z][A-Za-z0-9+.-]*:.", name.value), file, f"4.2.1.6 URI {name.value}")
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
    when(file, "5.1.2.4 this update", listed["this_update"], found.last_update_utc)
    when(file, "5.1.2.5 next update", listed["next_update"], found.next_update_utc)
    strings(file, "issuer", listed["issuer"])
    check(plain["signature_algorithm"].dump() == listed["signature"].dump(), file, "5.1.1.2 algorithms")
    check(len(found) > 0 or listed["revoked_certificates"].native is None, file, "5.1.2.6 an empty list is absent")
    number, issuer = extension(found, x509.CRLNumber), extension(found, x509.AuthorityKeyIdentifier)
    check(number is not None and not number.critical and number.value.crl_number > 0, file, "5.2.3 CRL number")
    own = extension(ca, x509.SubjectKeyIdentifier)
    check(issuer is not None and issuer.value.key_identifier == own.value.digest, file, "5.2.1 authority key identifier")
    check(number.value.crl_number.bit_length() < 160, file, "5.2.3 a CRL number beyond 20 octets")
    check(issuer is None or not issuer.critical, file, "5.2.1 critical")
    check({one.oid.dotted_string for one in found.extensions} == {"2.5.29.20", "2.5.29.35"}, file, "5.2 other extensions")
    for entry, plain_entry in zip(found, listed["revoked_certificates"]):
        when(file, "5.1.2.6 revocation date", plain_entry["revocation_date"], entry.revocation_date_utc)
        check(entry.serial_number > 0, file, "5.3 serial number")
        check(len(plain_entry["user_certificate"].contents) <= 20, file, "5.3 a serial number beyond 20 octets")
        check(len(entry.extensions) > 0 or plain_entry["crl_entry_extensions"].native is None, file, "5.3 no extensions")
        check(not any(one.critical for one in entry.extensions), file, "5.3 critical")
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
